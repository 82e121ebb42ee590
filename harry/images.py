"""Pictures as Harry's minds see them: upright, no larger than needed, JPEG, as a `data:` URI.

They come from a folder, from a client, or as a `data:` URI; no address is fetched. A file is a stranger's: what claims
more pixels than are reasonable, or is no picture, is refused before it is unpacked.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import struct
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from harry.errors import HarryError

MAX_SIDE_PIXELS = 1568
"""Pixels; models that see make larger pictures smaller themselves."""

MAX_PIXELS = 40_000_000
MAX_BYTES = 20 * 1024 * 1024

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})

_URI = re.compile(r"data:image/[a-zA-Z0-9.+-]{1,40};base64,", re.ASCII)


class PictureError(HarryError):
    """What was given is no picture that can be shown."""


def convert(data: bytes, *, longest: int = MAX_SIDE_PIXELS) -> bytes:
    """Make a JPEG of a picture's bytes: upright, without what the camera noted. Raises `PictureError`. Slow."""
    if len(data) > MAX_BYTES:
        raise PictureError(f"The picture has more than {MAX_BYTES >> 20} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in a picture that can be read
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.")
            picture.draft("RGB", (longest, longest))
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            _on_white(upright).save(out, "JPEG", quality=85)
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError("This is no picture that can be read.") from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, LookupError, TypeError, ArithmeticError) as error:
        # Pillow tells broken files by all of these.
        raise PictureError("The picture is broken.") from error
    return out.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        ground = Image.new("RGB", rgba.size, "white")
        ground.paste(rgba, mask=rgba.getchannel("A"))
        return ground
    return picture.convert("RGB")


def to_uri(jpeg: bytes) -> str:
    """Write a JPEG as a `data:` URI."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def from_uri(uri: str) -> bytes:
    """Read the bytes of a `data:` URI. Raises `PictureError` for any other address."""
    head = _URI.match(uri)
    if head is None:
        raise PictureError("A picture comes as a data: URI of an image; no address is fetched.")
    if len(uri) > MAX_BYTES * 4 // 3 + 100:
        raise PictureError(f"The picture has more than {MAX_BYTES >> 20} MB.")
    try:
        return base64.b64decode(uri[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise PictureError("The picture is broken: it is no base64.") from error


def sanitize(uri: str) -> str:
    """Make of a client's `data:` URI one that is safe to hand on. Raises `PictureError`. Slow."""
    return to_uri(convert(from_uri(uri)))


def find_newest(folder: Path) -> Path:
    """Find the newest picture of a folder. Raises `PictureError` where there is none."""
    try:
        found = [
            (path.stat().st_mtime_ns, path.name, path)
            for path in folder.iterdir()
            if path.suffix.lower() in ENDINGS and path.is_file()
        ]
    except OSError as error:
        raise PictureError(f"The folder of pictures cannot be read: {error.strerror}.") from error
    if not found:
        raise PictureError("There is no picture in the folder of pictures.")
    return max(found)[2]


def read(path: Path) -> bytes:
    """Read a picture's file, bounded. Raises `PictureError`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureError(f"The picture {path.name} cannot be read: {error.strerror}.") from error
