"""What holds for all tests: a `harry run` that a test starts opens no door, and says nothing unasked of
being an AI, unless the test asks for it."""

from __future__ import annotations

import os

os.environ.setdefault("HARRY_WEB__ENABLED", "false")
os.environ.setdefault("HARRY_WELFARE__AI_NOTICE_HOURS", "0")
