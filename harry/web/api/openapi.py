"""The API's description as an OpenAPI 3.1 document (spec.openapis.org/oas/v3.1.0), made of the lines that serve it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from harry.web.api.schemas import Refused

_REF = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query."""

    name: str
    told: str
    kind: str = "string"


@dataclass(frozen=True, slots=True)
class Path:
    """A path of the API: `name` is its handler's, `answer` the shape of what it answers, `takes` that of the body.

    `scope` and `waits` are as in `harry.web.server.routing.Route`.
    """

    method: str
    pattern: str
    name: str
    answer: type[BaseModel]
    told: str
    query: tuple[Parameter, ...] = ()
    takes: type[BaseModel] | None = None
    scope: str = ""
    waits: bool = False


def document(paths: Sequence[Path]) -> dict[str, Any]:
    """Describe the paths."""
    models = [(model, "serialization") for model in dict.fromkeys([*(served.answer for served in paths), Refused])]
    models += [(served.takes, "validation") for served in paths if served.takes is not None]
    _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]  # its literal is a str here
    described: dict[str, Any] = {}
    for path in paths:
        described.setdefault(path.pattern, {})[path.method.lower()] = _operation(path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Harry", "version": version("harry-voice"), "description": "What is kept, and how Harry is."},
        "paths": described,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(path: Path) -> dict[str, Any]:
    asked = [
        {"name": parameter.name, "in": "query", "description": parameter.told, "schema": {"type": parameter.kind}}
        for parameter in path.query
    ]
    placed = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path.pattern)
    ]
    body = {} if path.takes is None else {"requestBody": {"required": True, "content": _json(path.takes)}}
    # Every token is good for every path; one of a scope for those alone that name it.
    security = {"security": [{"token": []}, {"token": [path.scope]}]} if path.scope else {}
    return {
        **body,
        **security,
        "operationId": path.name,
        "summary": path.told,
        "parameters": placed + asked,
        "responses": {
            "200": _answers("As asked.", path.answer),
            "default": _answers("Refused.", Refused),
        },
    }


def _answers(told: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": told, "content": _json(model)}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}}
