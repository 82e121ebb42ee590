"""The Containerfile and the compose file name only what there is; that the image answers is tried by hand."""

from __future__ import annotations

import re
from typing import Any

import yaml

from harry.config.loading import load_config
from tests.support.paths import ROOT

CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8")


def test_the_containerfile_copies_only_what_there_is_and_all_packages() -> None:
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", CONTAINERFILE, re.MULTILINE) for name in line.split()]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {"channels", "actors", "harry", "plugins"} <= set(copied)


def test_the_compose_file_is_one_and_its_settings_are_settings() -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    harry = compose["services"]["harry"]
    assert (ROOT / harry["build"]["dockerfile"]).exists()
    config = load_config(environ=harry["environment"])
    assert config.redis.url == "redis://redis:6379/0"
    mounted = {volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert mounted == set(compose["volumes"])
    assert set(harry["depends_on"]) <= set(compose["services"])
    assert all(port.startswith("127.0.0.1:") for port in harry["ports"])
    assert f"EXPOSE {config.web.port}" in CONTAINERFILE
