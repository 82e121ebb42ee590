"""The room of the ears: voice activity detectors and speech to text, all at `channels.messages.EAR_RATE`."""
