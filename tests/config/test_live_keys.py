"""What a reload changes: every key is in one class, and of two configurations only what may hold now is taken over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harry.config import live_keys
from harry.config.live_keys import EFFECTS, When, all_keys, effect_of, find_changes, read, take_over
from harry.config.loading import Config, load_config
from harry.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
SECRET = "a secret that is long enough"


def config(**tables: Any) -> Config:
    return Config.model_validate(tables)


def test_every_key_is_in_just_one_class() -> None:
    listed = [key for keys in live_keys._BY_REASON.values() for key in keys]
    assert sorted(listed) == sorted(all_keys())


def test_every_reason_is_one_sentence() -> None:
    for effect in EFFECTS.values():
        assert re.fullmatch(r"[A-Z][^.]+\.", effect.why), effect.why


def test_the_documentation_says_of_every_key_when_it_holds() -> None:
    page = (ROOT / "docs" / "service.md").read_text("utf-8")
    for effect, keys in live_keys._BY_REASON.items():
        assert f"| {', '.join(f'`{key}`' for key in keys)} | {effect.why} |" in page


def test_two_configurations_that_are_the_same_differ_in_nothing() -> None:
    assert find_changes(Config(), config()) == []
    assert find_changes(config(webhooks={"in": {"a": {"secret": SECRET}}}), Config()) == ["webhooks.in.a"]


@pytest.mark.parametrize("key", all_keys())
def test_a_change_of_any_key_is_found_and_taken_over_alone(key: str) -> None:
    values: dict[str, Any] = {
        "engine": {"piper": {"length_scale": 1.2}},
        "mcp": {"tools": {"command": "x"}},
        "budget.engine": {"openai": {"money": 1.0}},
        "webhooks.in": {"door": {"secret": SECRET}},
        "webhooks.out": {"log": {"url": "http://127.0.0.1/x", "events": ["wake"]}},
    }
    before = Config()
    other = _with_another(before, key, values.get(key))
    [changed] = find_changes(before, other)
    assert changed == (f"{key}.{next(iter(values[key]))}" if key in values else key)
    assert effect_of(changed) is EFFECTS[key]
    taken = take_over(before, other, [changed])
    assert read(taken, key) == read(other, key) != read(before, key)
    assert find_changes(taken, other) == []
    assert find_changes(take_over(taken, before, [changed]), before) == []
    assert taken.data_folder == before.data_folder


def _with_another(before: Config, key: str, value: Any) -> Config:
    """Return a configuration in which one key has another value, whether it would be a sensible one or not."""
    old = read(before, key)
    if value is None:
        value = not old if isinstance(old, bool) else old + 1 if isinstance(old, int | float) else "another"
    else:
        nested: Any = value
        for part in reversed(key.split(".")):
            nested = {part: nested}
        return Config.model_validate(nested)
    first, *rest = key.split(".")
    if not rest:
        return before.model_copy(update={first: value})
    section = getattr(before, first)
    return before.model_copy(update={first: section.model_copy(update={rest[0]: value})})


def test_one_table_among_several_is_taken_over_and_the_others_stay() -> None:
    before = config(engine={"piper": {"length_scale": 1.0}, "old": {"kind": "piper"}})
    after = config(engine={"piper": {"length_scale": 2.0}, "new": {"kind": "piper"}})
    assert find_changes(before, after) == ["engine.new", "engine.old", "engine.piper"]
    taken = take_over(before, after, ["engine.piper", "engine.old"])
    assert taken.engine == {"piper": {"length_scale": 2.0}}


def test_nothing_that_opens_or_shuts_harry_to_others_changes_under_those_who_are_in() -> None:
    for key in ("local_only", "web.auth", "web.host", "web.proxies", "user.name"):
        assert EFFECTS[key].when is When.RESTART


# Webhooks in the configuration


def refused(tmp_path: Path, toml: str) -> str:
    file = tmp_path / "harry.toml"
    file.write_text(toml, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_config(file, environ={"HARRY_HOME": str(tmp_path)})
    return str(caught.value).replace(str(file), "FILE")


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[webhooks.in.door]\n", "webhooks.in.door.secret (FILE) takes a text of at least 16 characters"),
        ('[webhooks.in.door]\nsecret = ""', "webhooks.in.door.secret (FILE) takes a text of at least 16"),
        ('[webhooks.in.door]\nsecret = "                    "', "webhooks.in.door.secret (FILE) takes a text of at"),
        ('[webhooks.in.door]\nsecret = "short"', "webhooks.in.door.secret (FILE) takes a text of at least 16"),
        (f'[webhooks.in.door]\nsecret = "{SECRET}"\nsays = "x"', "Unknown key webhooks.in.door.says (FILE)."),
        (f'[webhooks.in.door]\nsecret = "{SECRET}"\nurgency = "soon"', "webhooks.in.door.urgency (FILE) takes one of"),
        (f'[webhooks.in.door]\nsecret = "{SECRET}"\nsay = "x"\ntell = "y"', "has both `say` and `tell`"),
        ('[webhooks.incoming.door]\nsecret = "x"', "Unknown key webhooks.incoming (FILE)"),
        ('[webhooks.out.log]\nurl = "ftp://x/y"\nevents = ["wake"]', "webhooks.out.log.url (FILE) takes an address"),
        ('[webhooks.out.log]\nurl = "http://x/y"\nevents = ["woke"]', 'takes a list of "turn_ended"'),
        ('[webhooks.out.log]\nurl = "http://x/y"\nevents = []', "webhooks.out.log.events (FILE) takes a list"),
        (f'web.enabled = false\n[webhooks.in.door]\nsecret = "{SECRET}"', "webhooks.in (FILE) needs the web server"),
        ('local_only = true\n[webhooks.out.log]\nurl = "http://x/y"\nevents = ["wake"]', "local_only is set"),
    ],
)
def test_a_mistake_about_a_webhook_is_told_with_its_place(tmp_path: Path, toml: str, told: str) -> None:
    assert told in refused(tmp_path, toml)


def test_no_secret_of_a_webhook_is_shown_in_a_mistake(tmp_path: Path) -> None:
    assert "hunter2" not in refused(tmp_path, '[webhooks.in.door]\nsecret = "hunter2"')


def test_a_webhook_may_be_set_by_a_variable(tmp_path: Path) -> None:
    known = load_config(environ={"HARRY_HOME": str(tmp_path), "HARRY_WEBHOOKS__IN__DOOR__SECRET": SECRET})
    assert known.webhooks.incoming["door"].secret.get_secret_value() == SECRET
    assert SECRET not in str(known.model_dump(mode="json"))
    assert known.model_dump()["webhooks"]["in"].keys() == {"door"}
