"""Live state shared with other processes through Redis."""
