"""Recent conversations: what is carried into the next prompt, when one is over, and its summary."""
