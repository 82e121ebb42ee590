"""A voice of one's own: it speaks Morse code. `harry run --set engines.text_to_speech=morse`."""

import re

import numpy as np

from harry.plugin import Chunk, EngineFacts, EngineSettings, EngineUnavailable, Word

CODE = ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", CODE.split(), strict=True))


class MorseSettings(EngineSettings):
    """The table `[engine.morse]`: the tone in Hz, and a dot's length in seconds."""

    pitch: float = 600.0
    dot: float = 0.06


class Morse:
    Settings = MorseSettings
    rate = 16_000

    def __init__(self, name, settings):
        self.name = name
        dot = round(self.rate * settings.dot)
        wave = 16_000 * np.sin(2 * np.pi * settings.pitch * np.arange(3 * dot) / self.rate)
        self._gap = bytes(2 * dot)
        self._signs = {".": wave[:dot].astype("<i2").tobytes(), "-": wave.astype("<i2").tobytes()}

    @staticmethod
    def load(name, settings):
        if not 50 <= settings.pitch <= 4000:
            raise EngineUnavailable("Nobody hears that tone.", remedy=f"Set engine.{name}.pitch from 50 to 4000.")
        return Morse(name, settings)

    @staticmethod
    def facts(name, settings):
        return EngineFacts(languages=("en",), packages=("numpy",))

    def describe(self):
        return "Morse code"

    async def speak(self, text, emit):
        for word in re.findall(r"\s*\S+(?:\s+$)?", text):
            codes = [LETTERS[letter] for letter in word.lower() if letter in LETTERS]
            sound = (self._gap * 3).join(self._gap.join(self._signs[sign] for sign in code) for code in codes)
            await emit(Chunk(sound + self._gap * 7, self.rate, (Word(word, len(sound) // 2),)))

    async def aclose(self):
        pass
