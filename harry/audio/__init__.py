"""Microphones and loudspeakers: WAV files, PortAudio and SDL, all behind the protocols of `actors.protocols`."""
