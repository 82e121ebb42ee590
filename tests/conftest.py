"""What holds for all tests: a `harry run` that a test starts opens no door unless the test asks for one."""

from __future__ import annotations

import os

os.environ.setdefault("HARRY_WEB__ENABLED", "false")
