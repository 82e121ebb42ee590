"""Holds the voice to what Harry needs of it."""

from morse_voice import Morse

from harry.testing.conformance import suite

TestMorse = suite("text_to_speech", Morse)
