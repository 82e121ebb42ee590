"""The acoustic echo canceller: takes Harry's own voice out of what the microphone hears."""
