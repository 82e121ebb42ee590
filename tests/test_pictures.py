"""Pictures for minds: upright, small, JPEG; bombs, texts and addresses are refused in a sentence."""

from __future__ import annotations

import base64
import io
import os
import random
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from harry import images as pictures
from harry.config.loading import Config
from harry.host.shared_tools import toolkit
from harry.images import PictureError
from harry.tools.toolbox import Answer


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height), "red").save(out, "PNG")
    return out.getvalue()


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(io.BytesIO(jpeg))


def test_a_large_picture_becomes_a_small_jpeg() -> None:
    made = opened(pictures.convert(png(4000, 1000)))
    assert (made.format, made.size) == ("JPEG", (1568, 392))


def test_a_picture_is_turned_upright_and_loses_what_the_camera_noted() -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    Image.new("RGB", (40, 20)).save(out, "JPEG", exif=exif)
    made = opened(pictures.convert(out.getvalue()))
    assert made.size == (20, 40)
    assert not made.getexif()


def test_what_is_transparent_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(pictures.convert(out.getvalue())).getpixel((4, 4)) == (255, 255, 255)


def _bomb() -> bytes:
    """A PNG that claims fifty million pixels in some bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 10_000, 5_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [_bomb(), b"hello", b"", png(10, 10)[:40], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"x" * (21 << 20)],
    ids=["bomb", "text", "nothing", "cut", "svg", "huge"],
)
def test_what_is_no_reasonable_picture_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(PictureError, match=r"^[A-Z].*\.$"):
        pictures.convert(data)


def test_a_data_uri_is_read_and_nothing_else_is() -> None:
    uri = "data:image/png;base64," + base64.b64encode(png(4, 4)).decode()
    assert pictures.sanitize(uri).startswith("data:image/jpeg;base64,")
    for wrong in (
        "http://127.0.0.1/a.png",
        "file:///etc/passwd",
        "data:text/html;base64,AAAA",
        "data:image/png;base64,?",
    ):
        with pytest.raises(PictureError):
            pictures.sanitize(wrong)


def test_the_newest_picture_of_a_folder_is_found(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="no picture"):
        pictures.find_newest(tmp_path)
    for age, name in enumerate(("new.PNG", "old.jpg")):
        (tmp_path / name).write_bytes(png(4, 4))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    (tmp_path / "newer.txt").write_text("no picture")
    assert pictures.find_newest(tmp_path).name == "new.PNG"
    with pytest.raises(PictureError, match="cannot be read"):
        pictures.find_newest(tmp_path / "nowhere")


async def test_harry_looks_at_the_newest_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(4, 4))
    config = Config.model_validate({"tools": {"pictures": str(tmp_path)}})
    async with toolkit(config) as kit:
        [offer] = [each for each in kit.offers(owner=True) if each.tool.name == "get_image"]
        answer = await offer.handler({})
        assert isinstance(answer, Answer)
        assert answer.pictures[0].startswith("data:image/jpeg;base64,")
        (tmp_path / "a.png").write_text("text named .png")
        with pytest.raises(PictureError):
            await offer.handler({})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_damaged_picture_is_shown_or_refused_and_nothing_else(kind: str) -> None:
    notes = Image.Exif()
    notes[0x112] = 6
    whole = io.BytesIO()
    Image.new("RGB", (40, 30)).save(whole, kind, **({} if kind in ("GIF", "BMP") else {"exif": notes}))
    chance = random.Random(kind)
    ends = set()
    for _ in range(150):
        data = bytearray(whole.getvalue())
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            pictures.convert(bytes(data))
            ends.add("shown")
        except PictureError:
            ends.add("refused")
    assert ends == {"shown", "refused"}
