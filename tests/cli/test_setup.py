"""`harry setup`: questions that may be skipped, tried at once, and written down as they are answered."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from harry.audio.soundcard import DeviceInfo
from harry.cli import setup, sound_trial
from harry.cli.setup import Setup
from harry.cli.sound_trial import Level, hear_level
from harry.config.loading import Config, RunOptions, load_config
from harry.errors import DeviceError
from tests.cli.test_cli import harry


class Answers:
    """Answers in order, and the questions that were asked."""

    def __init__(self, *answers: str | None) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, question: str) -> str | None:
        self.asked.append(question)
        return self._answers.pop(0) if self._answers else None


def device(number: int, name: str) -> DeviceInfo:
    return DeviceInfo("microphone", "PortAudio", number, name, 48_000, 1, default=number == 0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(setup, "devices_of", lambda kind: [device(0, f"Built-in {kind}"), device(1, f"USB {kind}")])
    return tmp_path / "home"


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No sound is made: what would have been spoken, and to which device."""
    spoken: list[str] = []

    async def sample(config: Config, requested: str | list[str], words: str) -> bool:
        spoken.append(f"{requested}: {words}")
        return True

    async def level(requested: str | list[str], seconds: float) -> Level:
        spoken.append(f"heard {requested}")
        return Level(-20.0, -6.0, 100)

    monkeypatch.setattr(sound_trial, "say_sample", sample)
    monkeypatch.setattr(sound_trial, "hear_level", level)
    return spoken


def answered(home: Path, *answers: str | None, mind: bool = False) -> tuple[Config, Answers]:
    asked = Answers(*answers)
    Setup(load_config(), home / "harry.toml", asked).run(mind=mind)
    return load_config(), asked


def test_every_question_can_be_skipped_and_then_nothing_is_written(
    home: Path, deaf: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, asked = answered(home, *[""] * 20)
    assert len(asked.asked) == 8
    assert not (home / "harry.toml").exists()
    assert "Nothing was changed." in capsys.readouterr().out


def test_what_is_answered_is_written_at_once_and_kept_when_the_input_ends(home: Path, deaf: list[str]) -> None:
    config, _ = answered(home, "Ann", "2", "", "", "1", None)
    assert config.user.name == "Ann"
    assert config.audio.loudspeaker == "USB loudspeaker"
    assert config.audio.microphone == "Built-in microphone"


def test_a_device_is_tried_before_it_is_kept_and_another_may_be_chosen(home: Path, deaf: list[str]) -> None:
    config, _ = answered(home, "", "1", "n", "2", "y", "", "1", "n", "2", "y", "", "hey Harry")
    assert deaf == [
        "Built-in loudspeaker: Hello, I am Harry. This is how I sound.",
        "USB loudspeaker: Hello, I am Harry. This is how I sound.",
        "heard Built-in microphone",
        "heard USB microphone",
    ]
    assert (config.audio.loudspeaker, config.audio.microphone) == ("USB loudspeaker", "USB microphone")
    assert config.attention.wake_phrase == "hey Harry"


@pytest.mark.parametrize("wrong", ["9", "-1", "USB", "²"])
def test_a_number_that_is_none_of_the_devices_is_asked_for_again(home: Path, deaf: list[str], wrong: str) -> None:
    config, _ = answered(home, "", wrong, "2", None)
    assert config.audio.loudspeaker == "USB loudspeaker"


def test_an_answer_that_cannot_be_taken_is_explained_and_asked_for_again(
    home: Path, deaf: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = answered(home, "", "", "", "", "", "", "", "h4rry!", "computer")
    assert config.attention.wake_phrase == "computer"
    assert "takes words of the letters a to z" in capsys.readouterr().out


def test_a_name_that_has_a_history_is_not_changed_by_the_way(home: Path, deaf: list[str]) -> None:
    home.mkdir()
    (home / "harry.toml").write_text('# mine\n[user]\nname = "Ann"\n')
    _, asked = answered(home, "2", None)
    assert not any("your name" in question for question in asked.asked)
    assert (home / "harry.toml").read_text().startswith("# mine\n")


def test_a_name_that_would_leave_what_is_kept_behind_is_asked_for_only_after_a_warning(
    home: Path, deaf: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    (home / "harry.sqlite3").touch()
    config, _ = answered(home, "", None)
    assert config.user.name == "you"
    assert "begins afresh" in capsys.readouterr().out
    config, _ = answered(home, "y", "Ann", None)
    assert config.user.name == "Ann"


def test_where_there_is_no_sound_card_it_is_said_and_the_rest_is_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "devices_of", lambda kind: [])
    config, asked = answered(home, "Ann", "hey Harry")
    assert len(asked.asked) == 2
    assert config.attention.wake_phrase == "hey Harry"
    assert "No microphone was found." in capsys.readouterr().out


@pytest.mark.embedded
def test_the_sample_is_spoken_by_the_chosen_voice_into_the_chosen_loudspeaker(tmp_path: Path) -> None:
    out = tmp_path / "said.wav"
    assert trio.run(sound_trial.say_sample, Config(), f"wav:{out}", "Hello.")
    with wave.open(str(out)) as file:
        assert 0.2 < file.getnframes() / file.getframerate() < 10
    heard = trio.run(hear_level, f"wav:{out}", 0.5)
    assert heard is not None
    assert heard.frames > 3
    assert -60 < heard.voice < heard.peak <= 0


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (Level(-90, -90, 0), "no sound at all"),
        (Level(-90, -90, 100), "may be muted"),
        (Level(-60, -40, 100), "very quiet"),
        (Level(-3, -0.1, 100), "too loud"),
        (Level(-25, -8, 100), "Heard you well"),
    ],
)
def test_how_well_somebody_was_heard_is_said_plainly(level: Level, said: str) -> None:
    assert said in level.describe()


def test_lines_from_a_program_are_answers_too(tmp_path: Path) -> None:
    done = harry(tmp_path, "setup", given="Ann\n")
    assert done.returncode == 0, done.stderr
    assert 'name = "Ann"' in (tmp_path / "harry.toml").read_text()


def test_only_a_newcomer_at_a_terminal_is_offered_the_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    usual = RunOptions(None, None, None, None, door=True)

    def at_terminal(*_: object) -> bool:
        return True

    assert not setup.is_first_start(load_config(), usual), "no terminal"
    monkeypatch.setattr("os.isatty", at_terminal)
    monkeypatch.setattr("sys.stdout.isatty", at_terminal, raising=False)
    assert setup.is_first_start(load_config(), usual)
    assert not setup.is_first_start(load_config(sets=["setup=no"]), usual)
    assert not setup.is_first_start(load_config(), RunOptions(None, None, None, 1.0, door=True))
    (tmp_path / "home").mkdir()
    assert not setup.is_first_start(load_config(), usual), "he was started here before"


def test_who_says_no_at_the_first_start_is_told_how_to_come_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not setup.offer(Config(), RunOptions(None, None, None, None, door=True), Answers(""))
    assert "harry setup" in capsys.readouterr().out


class Busy:
    """A microphone that another program holds."""

    async def capture(self, hear: object, *, task_status: object) -> None:
        raise DeviceError("The microphone is in use.", remedy="Close the other program.")


def test_a_microphone_that_cannot_be_opened_ends_neither_setup_nor_a_first_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def opened(requested: object, clock: object) -> SimpleNamespace:
        return SimpleNamespace(device=Busy())

    monkeypatch.setattr(sound_trial, "open_microphone", opened)
    assert setup._tried(hear_level, "default", 0.1) is None
    assert capsys.readouterr().out == "The microphone is in use. Close the other program.\n"


def test_a_mistake_in_harry_is_not_told_as_a_trouble_of_the_device() -> None:
    for mistake in (ExceptionGroup("", [DeviceError("Busy."), ZeroDivisionError()]), ExceptionGroup("", [KeyError()])):
        with pytest.raises(ExceptionGroup):
            sound_trial.trouble_in(mistake)
    slow = sound_trial.trouble_in(ExceptionGroup("", [trio.TooSlowError()]))
    assert "did not play" in slow.message
