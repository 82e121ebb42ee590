"""What Harry can be told: which source wins, and that every mistake is told where it was made, with a way on."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from harry.config import loading as configuration
from harry.config.keys import format_engine_page, format_row, list_keys
from harry.config.loading import Config, load_config
from harry.config.sources import parse_toml_value, read_environment
from harry.engines import registry
from harry.errors import ConfigurationError
from tests.support.paths import ROOT

KINDS = {
    "voice_activity": ["silero", "energy"],
    "speech_to_text": ["moonshine", "scripted"],
    "turn_detector": [],
    "language_model": ["openai-chat", "gguf", "scripted"],
    "text_to_speech": ["piper", "scripted"],
}


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tables do not depend on what happens to be installed."""
    monkeypatch.setattr(
        configuration,
        "list_kinds",
        lambda role: {name: EntryPoint(name, "nowhere:Nothing", f"harry.{role}") for name in KINDS[role]},
    )


def load(home: Path, *sets: str, toml: str | None = None, file: Path | None = None, **environ: str) -> Config:
    if toml is not None:
        (home / "harry.toml").write_text(toml, encoding="utf-8")
    return load_config(file, sets, {"HARRY_HOME": str(home), **environ})


def refused(home: Path, *sets: str, toml: str | None = None, file: Path | None = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(home, *sets, toml=toml, file=file, **environ)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_folder_that_cannot_be_looked_into_is_told_in_a_sentence(tmp_path: Path) -> None:
    assert "too long" in refused(tmp_path / ("x" * 300))
    assert "too long" in refused(tmp_path, file=tmp_path / ("x" * 300))


def test_without_any_source_the_defaults_stand(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.turn.endpoint_silence == 0.4
    assert config.turn.barge_in_voice == 0.25
    assert config.chain("voice_activity") == ["silero", "energy"]
    assert config.chain("language_model") == []
    assert config.audio.microphone == "default"
    assert config.file is None
    assert config.data_folder == tmp_path


def test_a_device_may_be_named_by_its_number(tmp_path: Path) -> None:
    assert load(tmp_path, "audio.microphone=3").audio.microphone == "3"
    assert load(tmp_path, 'audio.microphone=["USB", "default"]').audio.microphone == ["USB", "default"]


def test_what_is_known_of_a_mind_beforehand_may_be_changed_without_naming_its_kind(tmp_path: Path) -> None:
    assert load(tmp_path, "engine.openrouter.model=m").engine_table("openrouter") == {"model": "m"}
    assert load(tmp_path, HARRY_ENGINE__LM_STUDIO__MODEL="m").engine_table("lm-studio") == {"model": "m"}


def test_reading_the_configuration_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there"
    assert load(home).data_folder == home
    assert not home.parent.exists()


def test_each_source_is_laid_over_the_weaker_ones(tmp_path: Path) -> None:
    toml = '[turn]\nendpoint_silence = 1.0\nbarge_in_voice = 1.0\npre_roll = 1.0\n[user]\nname = "file"'
    config = load(
        tmp_path,
        "turn.pre_roll=3.0",
        toml=toml,
        HARRY_TURN__BARGE_IN_VOICE="2.0",
        HARRY_TURN__PRE_ROLL="2.0",
    )
    assert (config.turn.endpoint_silence, config.turn.barge_in_voice, config.turn.pre_roll) == (1.0, 2.0, 3.0)
    assert config.user.name == "file"
    assert config.file == tmp_path / "harry.toml"


def test_a_later_set_wins_over_an_earlier_one(tmp_path: Path) -> None:
    assert load(tmp_path, "user.name=first", "user.name=second").user.name == "second"


def test_a_named_file_takes_the_place_of_the_usual_one(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[user]\nname = "other"')
    usual = '[user]\nname = "usual"\n[persona]\nname = "usual"'
    for config in (
        load(tmp_path, toml=usual, file=other),
        load(tmp_path, toml=usual, HARRY_CONFIG=str(other)),
    ):
        assert (config.user.name, config.persona.name, config.file) == ("other", "Harry", other)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert str(tmp_path / "none.toml") in refused(tmp_path, file=tmp_path / "none.toml")
    assert "none.toml" in refused(tmp_path, HARRY_CONFIG=str(tmp_path / "none.toml"))


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, HARRY_USER__NAME="", HARRY_CONFIG="").user.name == "you"


def test_a_single_name_is_a_chain_of_one_by_every_way(tmp_path: Path) -> None:
    assert load(tmp_path, "engines.language_model=scripted").chain("language_model") == ["scripted"]
    assert load(tmp_path, HARRY_ENGINES__LANGUAGE_MODEL="scripted").chain("language_model") == ["scripted"]
    assert load(tmp_path, toml='[engines]\nlanguage_model = "scripted"').chain("language_model") == ["scripted"]
    chain = load(tmp_path, 'engines.language_model=["scripted", "gguf"]').chain("language_model")
    assert chain == ["scripted", "gguf"]


def test_only_a_single_engine_that_the_user_wrote_down_counts_as_named(tmp_path: Path) -> None:
    config = load(tmp_path, "engines.text_to_speech=piper", 'engines.voice_activity=["silero","energy"]')
    assert config.named("text_to_speech")
    assert not config.named("speech_to_text")
    assert not config.named("voice_activity")
    assert not config.named("language_model")


def test_a_variable_reaches_an_engine_with_a_hyphen_in_its_name(tmp_path: Path) -> None:
    config = load(tmp_path, HARRY_ENGINE__OPENAI_CHAT__MODEL="large")
    assert config.engine_table("openai-chat") == {"model": "large"}


def test_a_table_of_an_engine_belongs_to_a_kind_or_names_one_or_stands_in_a_chain(tmp_path: Path) -> None:
    assert load(tmp_path, "engine.scripted.token_delay=0.1").engine_table("scripted") == {"token_delay": 0.1}
    assert load(tmp_path, "engine.mine.kind=gguf").engine_table("mine") == {"kind": "gguf"}
    assert load(tmp_path, "engine.mine.x=1", 'engines.language_model=["mine"]').engine_table("mine") == {"x": 1}
    assert "Did you mean 'scripted'?" in refused(tmp_path, "engine.scriptd.x=1")
    assert "Did you mean 'openai-chat'?" in refused(tmp_path, "engine.mine.kind=openai-caht")


def test_a_secret_reaches_its_engine_and_nobody_else(tmp_path: Path) -> None:
    secret = "sk-abcdefghijklmnop"
    config = load(
        tmp_path,
        f"engine.gguf.api_key={secret}",
        f'engine.gguf.headers={{Authorization="Bearer {secret}"}}',
        f'engine.gguf.tokens=["{secret}"]',
    )
    table = config.engine_table("gguf")
    assert table == {"api_key": secret, "headers": {"Authorization": f"Bearer {secret}"}, "tokens": [secret]}
    for shown in (repr(config), str(config), str(config.model_dump()), config.model_dump_json()):
        assert secret not in shown


def test_the_copy_of_a_table_is_a_copy(tmp_path: Path) -> None:
    config = load(tmp_path, "engine.gguf.path=a")
    config.engine_table("gguf")["path"] = "b"
    assert config.engine_table("gguf") == {"path": "a"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("turn.endpoint_silence", "abc", "takes a number from 0.1 to 5, not 'abc'"),
        ("turn.endpoint_silence", "5.1", "takes a number from 0.1 to 5, not 5.1"),
        ("turn.endpoint_silence", "nan", "takes a number from 0.1 to 5, not nan"),
        ("turn.endpoint_silence", "inf", "takes a number from 0.1 to 5, not inf"),
        ("turn.endpoint_silence", "true", "takes a number from 0.1 to 5, not True"),
        ("turn.barge_in_voice", "0", "takes a number from 0.05 to 5, not 0"),
        ("turn", "1", "takes a table, not 1"),
        ("engine", "1", "takes a table, not 1"),
        ("engine.gguf", "1", "takes a table, not 1"),
        ("engines.speech_to_text", "[]", "takes a name or a list of names, not []"),
        ("engines.speech_to_text", "[1]", "takes a name or a list of names, not 1"),
        ("engines.speech_to_text", '""', "takes a name or a list of names, not ''"),
        ("audio.microphone", "1.5", "takes a name or a list of names, not 1.5"),
        ("audio.microphone", "[]", "takes a name or a list of names, not []"),
        ("memory.store", "redis", 'takes one of "sqlite", "memory", not \'redis\''),
        ("memory.history_turns", "1.5", "takes a whole number from 0 to 1000, not 1.5"),
        ("log.level", "loud", 'takes one of "debug", "info", "warning", "error", not \'loud\''),
        ("log.file", "1", "takes true or false, not 1"),
        ("persona.language", "all of them", "takes a language tag such as \"en\", not 'all of them'"),
        ("user.name", '""', "takes a text of 1 to 64 characters, in one line, not ''"),
        ("user.name", '"a\\u001bb"', "takes a text of 1 to 64 characters, in one line, not 'a\\x1bb'"),
    ],
)
def test_a_bad_value_is_told_with_its_place_its_key_and_what_was_expected(
    tmp_path: Path, key: str, value: str, expected: str
) -> None:
    assert refused(tmp_path, f"{key}={value}") == f"{key} (--set {key}) {expected}."
    variable = "HARRY_" + key.replace(".", "__").upper()
    assert (
        refused(tmp_path, toml=None, file=None, **{variable: value}) == f"{key} (the variable {variable}) {expected}."
    )
    if "'" not in expected or value.startswith('"'):
        assert refused(tmp_path, toml=f"{key} = {value}") == f"{key} ({tmp_path / 'harry.toml'}) {expected}."


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("turn.endpoint_silense", "Did you mean 'endpoint_silence'?"),
        ("trun.pre_roll", "Did you mean 'turn'?"),
        ("endpoint_silence", "Did you mean 'turn.endpoint_silence'?"),
        ("memory.level", "Did you mean 'log.level'?"),
        (
            "engines.zzz",
            "Known: language_model, smallest_mind, speech_to_text, text_to_speech, turn_detector, voice_activity.",
        ),
        ("turn.__class__", "Known: attention_window, barge_in_voice, endpoint_silence, pre_roll, speculate, talk."),
        (
            "_file",
            "redis, reminders, setup, telemetry, thinker, tools, turn, user, web, webhooks, welfare, wyoming.",
        ),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_right_one(tmp_path: Path, key: str, remedy: str) -> None:
    told = refused(tmp_path, f"{key}=1")
    assert told.startswith("Unknown key ")
    assert "(--set " in told
    assert told.endswith(remedy)


def test_an_unknown_variable_is_told(tmp_path: Path) -> None:
    assert "(the variable HARRY_TURN__PREROLL). Did you mean 'pre_roll'?" in refused(tmp_path, HARRY_TURN__PREROLL="1")
    assert "Unknown key colour (the variable HARRY_COLOUR)" in refused(tmp_path, HARRY_COLOUR="1")


def test_the_place_is_the_strongest_that_holds_the_mistake(tmp_path: Path) -> None:
    toml = "[turn]\npre_roll = 99.0\nendpoint_silence = 0.5"
    assert f"turn.pre_roll ({tmp_path / 'harry.toml'})" in refused(tmp_path, "turn.endpoint_silence=0.6", toml=toml)
    assert "turn.pre_roll (--set turn.pre_roll)" in refused(tmp_path, "turn.pre_roll=98", toml=toml)
    assert load(tmp_path, "turn.pre_roll=1", toml=toml).turn.pre_roll == 1.0


def test_a_bad_secret_is_not_shown(tmp_path: Path) -> None:
    assert "hunter2" not in refused(tmp_path, "log.password=hunter2")


@pytest.mark.parametrize(
    ("toml", "line"),
    [("[turn]\npre_roll = \n", 2), ("[turn\n", 1), ('[user]\nname = "', 2), ("[turn]\n[turn]\n", 2), ("\n\n!", 3)],
)
def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path, toml: str, line: int) -> None:
    assert refused(tmp_path, toml=toml).startswith(f"{tmp_path / 'harry.toml'}, line {line}: ")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "folder cannot be read: Is a directory" in refused(tmp_path, file=folder)
    (tmp_path / "latin.toml").write_bytes(b'[user]\nname = "J\xf6rg"')
    assert "latin.toml is not UTF-8 text (byte 16)" in refused(tmp_path, file=tmp_path / "latin.toml")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "marked.toml").write_bytes('\ufeff[user]\nname = "Jörg"'.encode())
    assert load(tmp_path, file=tmp_path / "marked.toml").user.name == "Jörg"


@pytest.mark.parametrize("text", ["turn.pre_roll", "=1", "a..b=1", ".a=1", ""])
def test_a_set_that_is_no_key_and_value_is_told_with_an_example(tmp_path: Path, text: str) -> None:
    assert refused(tmp_path, text).endswith("For example: --set turn.endpoint_silence=0.6")


@given(st.text())
def test_any_text_is_a_value_and_a_text_that_is_no_toml_stands_for_itself(text: str) -> None:
    value = parse_toml_value(text)
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        assert value == text
    else:
        assert value == parsed["value"]


def test_a_value_cannot_smuggle_in_another_key() -> None:
    assert parse_toml_value("1\nother = 2") == "1\nother = 2"


def test_the_documentation_lists_every_key_with_what_it_takes_and_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    listed = [line for line in page.splitlines() if re.match(r"\| `(\w+\.|local_only`|fetch`|setup`)", line)]
    assert listed == [format_row(key) for key in list_keys(Config)]


def pages() -> list[str]:
    """What the documentation says of Harry's own engines, those that share their settings together."""
    owners: dict[type[BaseModel], list[str]] = {}
    for role in registry.ROLES:
        for kind, point in registry.list_kinds(role).items():
            if point.value.startswith(("harry.", "harry_")):
                title = f"`{kind}` ({role.replace('_', ' ')})"
                owners.setdefault(registry.find_engine_class(role, kind).Settings, []).append(title)
    return [format_engine_page(", ".join(titles), settings) for settings, titles in owners.items()]


@pytest.mark.embedded
def test_the_documentation_says_what_each_engine_takes() -> None:
    # To write that part anew: python -c 'from tests.config.test_config import pages; print("\n\n".join(pages()))'
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for page in pages():
        assert page in text


def test_a_default_is_within_its_own_bounds() -> None:
    for section in Config().model_dump().items():
        Config.model_validate(dict([section]))


@pytest.mark.parametrize("service", ["HARRY", "HARRY_WEB", "HARRY_REDIS_2", "HARRY_TURN_SERVER"])
def test_variables_that_a_cluster_sets_for_a_service_are_no_settings(service: str) -> None:
    given = {
        "SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "8765", "SERVICE_PORT_HTTP": "8765",
        "PORT": "tcp://10.0.0.1:8765", "PORT_8765_TCP": "tcp://10.0.0.1:8765", "PORT_8765_TCP_PROTO": "tcp",
        "PORT_8765_TCP_PORT": "8765", "PORT_8765_TCP_ADDR": "10.0.0.1", "PORT_53_UDP": "udp://[fd00::1]:53",
        "PORT_53_UDP_ADDR": "fd00::1", "NAME": "/web/harry",
    }  # fmt: skip
    environment = {f"{service}_{name}": value for name, value in given.items()}
    assert not read_environment({**environment, "HARRY_ENV_PATH": "/usr/bin"}, list).values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HARRY_PROT", "1"), ("HARRY_WEB_PORT", "8765"), ("HARRY_SERVICES_HOST", "1"), ("HARRY_PORTS", "tcp://h:1"),
        ("HARRY_PORT", "8765"), ("HARRY_NAME", "Mia"), ("HARRY_WEB_HOST", "10.0.0.1"), ("HARRY_USER_NAME", "Ann"),
        ("HARRY_SERVICE_HOST", "harry.example"), ("HARRY_WEB__PROT", "tcp://10.0.0.1:1"), ("HARRY_LOG_LEVEL", "debug"),
    ],
)  # fmt: skip
def test_a_misspelt_variable_is_still_told(name: str, value: str, tmp_path: Path) -> None:
    assert read_environment({name: value}, list).values
    with pytest.raises(ConfigurationError, match=name):
        load_config(environ={name: value, "HARRY_HOME": str(tmp_path)})
