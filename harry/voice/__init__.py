"""The room of the voices: text to speech with the sample at which each word ends."""
