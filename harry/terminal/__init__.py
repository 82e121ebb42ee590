"""What a terminal shows and reads: console, status line, input and output."""
