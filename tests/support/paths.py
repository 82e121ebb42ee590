"""Where things are, wherever the test that asks for them stands."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder: `harry/`, `docs/`, `examples/` stand in it."""

DATA = ROOT / "tests" / "data"
SUPPORT = ROOT / "tests" / "support"
