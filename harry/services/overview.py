"""How the whole Harry is, in one object: for `harry status`, for scripts, and for whoever looks after him.

The names are a contract: `ready`, `listening`, `state`, `devices`, `sessions`, `actors`, `engines`, `serving`,
`memory_mb`, `errors` and `version` keep their meaning.
"""

from __future__ import annotations

import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harry.host.host import Host
from harry.services.room import state_of
from harry.session.session import Session


def overview(host: Host, room: Session, errors: list[str]) -> dict[str, Any]:
    """Return the state of a Harry who is ready. `errors` are the newest troubles, oldest first."""
    now = state_of(room)
    hears = room.speech_input
    degraded = room.supervisor.degraded | host.supervisor.degraded
    listening = hears.works and not now.muted and hears.recorder is not None and not hears.recorder.muted
    loudspeaker = room.loudspeaker
    return {
        "ready": True,
        "listening": listening and not {"recorder", "listener", "transcriber"} & degraded,
        "state": now.state,
        "muted": now.muted,
        "off_the_record": now.off_the_record,
        "devices": {
            "microphone": now.microphone,
            "microphone_works": hears.works,
            "loudspeaker": str(loudspeaker.description) if loudspeaker is not None else None,
        },
        "sessions": len(host.sessions),
        "actors": {
            name: "failing" if name in degraded else "running"
            for name in sorted(room.supervisor.running | host.supervisor.running | degraded)
        },
        "engines": {
            role: str(pool.engine.describe()) if pool is not None else None
            for role, pool in host.engines.by_role.items()
        },
        "serving": {
            role: str(pool.engine.name) if pool is not None else None for role, pool in host.engines.by_role.items()
        },
        "webhooks": host.webhook_status(),
        "keeps": host.store.durable and not host.out_of_reach,
        "memory_mb": resident_megabytes(),
        "errors": errors if not host.ill or host.ill in errors else [*errors, host.ill],
        "up_for": round(time.time() - host.started_at, 1),
        "process": os.getpid(),
        "version": version("harry-voice"),
    }


def resident_megabytes() -> float | None:
    """Return the resident memory of this process; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
