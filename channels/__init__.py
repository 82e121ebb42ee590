"""What is said between the actors, and how: messages, pipes, the turn, the gate. trio and the standard library only."""
