"""What is said between the actors, and how: messages, pipes, the turn and the gate. trio and the standard library only."""
