"""The façade: the author of a plug-in finds everything in one module, and nothing there has gone."""

from __future__ import annotations

from actors import protocols
from harry import errors, plugin


def test_every_name_it_offers_is_there() -> None:
    assert [name for name in plugin.__all__ if not hasattr(plugin, name)] == []
    assert sorted(set(plugin.__all__)) == sorted(plugin.__all__)


def test_whatever_an_engine_is_asked_or_answers_is_offered() -> None:
    own = {
        name
        for name, value in vars(protocols).items()
        if getattr(value, "__module__", None) == protocols.__name__ and not name.startswith("_")
    }
    assert own - set(plugin.__all__) == set()


def test_every_error_an_engine_may_raise_is_offered() -> None:
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.EngineError)
    }
    assert raised
    assert raised <= set(plugin.__all__)
