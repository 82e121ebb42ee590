"""The shortest voice: it hums, a quarter of a second for each word. `harry run --set engines.text_to_speech=hum`."""

import re

import numpy as np

from harry.plugin import Chunk, EngineSettings, Word

HUM = (8_000 * np.sin(np.arange(4_000) * 0.08)).astype("<i2").tobytes()


class Hum:
    Settings, name, rate = EngineSettings, "hum", 16_000
    load = staticmethod(lambda name, settings: Hum())
    describe = staticmethod(lambda: "a hum")

    async def speak(self, text, emit):
        for word in re.findall(r"\s*\S+(?:\s+$)?", text):
            await emit(Chunk(HUM, self.rate, (Word(word, len(HUM) // 2),)))

    async def aclose(self):
        pass
