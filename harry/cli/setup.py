"""`harry setup`: asks what a newcomer would set, tries the sound at once, and writes the answers to Harry's file.

Enter skips a question and leaves the setting as it is. Each answer is written as it is given, so leaving half-way loses
nothing. A first start at a terminal offers the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import trio

from harry.audio.listing import devices_of
from harry.audio.pulse import home_left_alone
from harry.cli import sound_trial, voice_choice
from harry.cli.fetch_progress import pull_shown
from harry.config.editing import change_file
from harry.config.loading import Config, RunOptions, usual_file
from harry.errors import ConfigurationError, HarryError
from harry.host import startup as starting
from harry.memory.store.opening import STORE_FILE
from harry.models import catalogue
from harry.services import model_offer

T = TypeVar("T")

Ask = Callable[[str], str | None]
"""Asks a question and gives the answer, stripped; None at the end of the input."""

LISTENS = 4.0
"""Seconds for which the microphone is tried."""

SAMPLE = "Hello, I am {name}. This is how I sound."

TRIES = 3
"""Times that a question is asked again after an answer that cannot be taken."""


class LeftEarlyError(Exception):
    """The input ended: what was answered so far holds."""


def ask_line(question: str) -> str | None:
    """Ask on standard output and read a line from standard input; None at its end."""
    print(question, end="", flush=True)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        print(flush=True)
    return line.strip() if line else None


def is_first_start(config: Config, options: RunOptions) -> bool:
    """Whether a person sits at a terminal before a Harry who was neither configured nor started here before."""
    return (
        options.until_quiet is None
        and config.file is None
        and config.setup == "ask"
        and config.memory.store != "memory"
        and not config.data_folder.exists()
        and sys.stdin is not None
        and os.isatty(0)
        and sys.stdout is not None
        and sys.stdout.isatty()
    )


def offer(config: Config, options: RunOptions, ask: Ask = ask_line) -> bool:
    """Offer a newcomer the questions; True if any were asked, so that the configuration is to be read again."""
    answer = ask("This is Harry's first start. Choose microphone, loudspeaker and names first, in two minutes? [y/N] ")
    if answer is None or answer.lower() not in ("y", "yes"):
        print("Later: harry setup")
        return False
    # The model is offered when he starts, so that he listens while it is fetched.
    Setup(config, usual_file(), ask).run(sound=options.microphone is None and options.loudspeaker is None, mind=False)
    return True


@dataclass
class Setup:
    """One round of the questions. `path` is the file that is written; `config` is what holds after each answer."""

    config: Config
    path: Path
    ask: Ask = ask_line

    def run(self, *, sound: bool = True, mind: bool = True) -> None:
        """Ask everything in order; about the sound cards and the language model only where these are wanted."""
        print("Enter skips a question; Control-D ends. Everything can be changed later.")
        try:
            with home_left_alone():
                self._ask_all(sound=sound, mind=mind)
        except LeftEarlyError:
            print("That is all for now.")
        if self.path.exists():
            print(f"Your settings are in {self.path}.")
        else:
            print("Nothing was changed.")

    def _ask_all(self, *, sound: bool, mind: bool) -> None:
        self._name()
        if sound:
            if self._loudspeaker():
                self._voice()
            self._microphone()
        self._wake_phrase()
        if mind:
            self._mind()

    def _answer(self, question: str) -> str:
        answer = self.ask(question)
        if answer is None:
            raise LeftEarlyError
        return answer

    def _agrees(self, question: str, *, usually: bool) -> bool:
        answer = self._answer(f"{question} [{'Y/n' if usually else 'y/N'}] ").lower()
        return usually if not answer else answer in ("y", "yes")

    def _write(self, key: str, value: object) -> bool:
        """Write one setting; False, with a sentence, if it cannot be taken."""
        try:
            self.config = change_file(self.path, {key: value})
        except ConfigurationError as error:
            print(f"{error.message} {error.remedy}".strip())
            return False
        return True

    # The questions.

    def _name(self) -> None:
        known = self.config.user.name
        if known != "you":
            print(f"You are {known}. Under another name there would be another history.")
            return
        if (self.config.memory_folder / STORE_FILE).exists():
            print("What Harry keeps of you stands under no name. With a name he begins afresh, without it.")
            if not self._agrees("Give him your name all the same?", usually=False):
                return
        for _ in range(TRIES):
            name = self._answer("What is your name? ")
            if not name or self._write("user.name", name):
                return

    def _wake_phrase(self) -> None:
        name, phrase = self.config.persona.name, self.config.attention.wake_phrase
        print(f'Saying "{name}" wakes him. A phrase such as "hey {name}" can be spotted without transcribing, too.')
        for _ in range(TRIES):
            words = self._answer(f"Which phrase? [{phrase or 'none'}] ")
            if not words or self._write("attention.wake_phrase", "" if words.lower() == "none" else words):
                return

    def _loudspeaker(self) -> bool:
        words = SAMPLE.format(name=self.config.persona.name)
        for _ in range(TRIES):
            if not self._device("loudspeaker", self.config.audio.loudspeaker):
                return False
            print("Harry says something ...")
            played = _tried(sound_trial.say_sample, self.config, _one_or_more(self.config.audio.loudspeaker), words)
            if played and self._agrees("Did you hear it?", usually=True):
                return True
        return False

    def _microphone(self) -> None:
        for _ in range(TRIES):
            if not self._device("microphone", self.config.audio.microphone):
                return
            print(f"Say something, for {LISTENS:g} seconds ...")
            level = _tried(sound_trial.hear_level, _one_or_more(self.config.audio.microphone), LISTENS)
            print(level.describe() if level else "That microphone cannot be used.")
            if self._agrees("Keep it?", usually=True):
                break
        self._echo()

    def _echo(self) -> None:
        if not self._agrees("Try how well Harry can be interrupted while he speaks? Half a minute.", usually=False):
            return
        from harry.cli.audio_check import listen_to_oneself  # noqa: PLC0415  loads a voice and an echo canceller

        _, found, remedy = trio.run(listen_to_oneself, self.config)
        print(f"{found} {remedy}".strip())

    def _device(self, kind: Literal["microphone", "loudspeaker"], used: str | list[str]) -> bool:
        """Let a device be chosen by its number; False if there is none."""
        devices = devices_of(kind)
        if not devices:
            print(f"No {kind} was found. Connect one and run `harry setup` again; `harry doctor` says more.")
            return False
        print(f"The {kind}s:")
        print(f"  0  the computer's default{' (in use)' if used == 'default' else ''}")
        for number, device in enumerate(devices, 1):
            print(f"  {number}  {device.name}{' (in use)' if used == device.name else ''}")
        for _ in range(TRIES):
            answer = self._answer(f"Which {kind}? Its number, or Enter for the one in use: ")
            if not answer:
                break
            if _is_number(answer, 0, len(devices)):
                if self._write(f"audio.{kind}", devices[int(answer) - 1].name if int(answer) else "default"):
                    break
            else:
                print(f"A number from 0 to {len(devices)}, please.")
        return True

    def _voice(self) -> None:
        voices = voice_choice.voices(self.config)
        if voices is None or not self._agrees("Choose another voice?", usually=False):
            return
        for number, voice in enumerate(voices, 1):
            print(f"  {number}  {voice.about}{'' if voice.here else f' ({voice.megabytes:.0f} MB to fetch)'}")
        for _ in range(TRIES):
            answer = self._answer("Which voice? Its number, or Enter to keep the one in use: ")
            if not answer:
                return
            if not _is_number(answer, 1, len(voices)):
                print(f"A number from 1 to {len(voices)}, please.")
                continue
            before, chosen = self.config, voices[int(answer) - 1]
            if not _tried(voice_choice.fetch, before, chosen) or not self._write(
                "engine.piper.voice", str(chosen.file) if chosen.file else None
            ):
                continue
            words = SAMPLE.format(name=self.config.persona.name)
            _tried(sound_trial.say_sample, self.config, _one_or_more(self.config.audio.loudspeaker), words)
            if self._agrees("Keep it?", usually=True):
                return
            self._write("engine.piper.voice", before.engine_table("piper").get("voice"))

    def _mind(self) -> None:
        minds = trio.run(starting.chains, self.config)[-1]
        found = model_offer.to_offer(self.config, minds, again=True)
        if found is None:
            print("Other language models: harry models list. A server of your own: set engine.openai.base_url.")
            return
        name, model = found
        print(f"{model.about} It takes {model.memory / 1000:.1f} GB of memory and is free ({model.licence}).")
        if self._agrees(f"Fetch the language model {name} now, {model.size / 1e9:.1f} GB?", usually=False):
            _tried(pull_shown, model, catalogue.locate_model(self.config.data_folder, name))


def _is_number(answer: str, least: int, most: int) -> bool:
    return answer.isdecimal() and len(answer) < 5 and least <= int(answer) <= most


def _one_or_more(device: str | list[str]) -> str | list[str]:
    return device if isinstance(device, str) else list(device)


def _tried(doing: Callable[..., Awaitable[T]], *arguments: object) -> T | None:
    """Run something that uses devices or the network; what goes wrong is one sentence, and None."""
    try:
        return trio.run(partial(doing, *arguments))
    except (HarryError, trio.TooSlowError, ExceptionGroup) as error:
        print(sound_trial.trouble_in(error))
    return None


def run(config: Config, path: Path | None, ask: Ask = ask_line) -> None:
    """Ask everything, and write to `path`, else to the file that was read, else to Harry's usual one."""
    Setup(config, path or config.file or usual_file(), ask).run()
