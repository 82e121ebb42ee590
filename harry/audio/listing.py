"""The sound devices of this computer, to choose from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from harry.audio import portaudio, sdl
from harry.audio.pulse import home_left_alone
from harry.audio.soundcard import DeviceInfo
from harry.errors import DeviceError

_one_at_a_time = threading.Lock()


def devices_of(kind: Literal["microphone", "loudspeaker"]) -> list[DeviceInfo]:
    """List the devices of a kind, of the first library that finds any; blocking."""
    looks: Sequence[Callable[[], list[DeviceInfo]]] = (
        partial(portaudio.list_devices, kind, rescan=True),
        partial(sdl.list_devices, kind),
    )
    with _one_at_a_time:
        for look in looks:
            try:
                with home_left_alone():
                    found = look()
            except DeviceError:
                continue
            if found:
                return found
    return []
