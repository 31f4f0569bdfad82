"""JPEG: pictures for people to look at, each with a note on its origin."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import ImageError
from .opening import DECODER_ERRORS

_MAX_SIDE = 65_500
_START, _END = b"\xff\xd8", b"\xff\xd9"


def encode_jpeg(pixels: np.ndarray, note: str) -> bytes:
    """Encode RGB, uint8 (H, W, 3), as a JPEG of high quality with a note as its comment.

    Raises
    ------
    ImageError
        A side is longer than JPEG allows.
    """
    if max(pixels.shape) > _MAX_SIDE:
        raise ImageError(
            f"{pixels.shape[1]}x{pixels.shape[0]}: no JPEG has a side of more than "
            f"{_MAX_SIDE} pixels"
        )
    content = io.BytesIO()
    comment = note.encode("utf-8", "replace")
    # 4:4:4, because thin coloured lines would fade into their surroundings.
    Image.fromarray(pixels).save(content, "JPEG", quality=90, subsampling=0, comment=comment)
    return content.getvalue()


def jpeg_note(path: Path) -> str | None:
    """Read the note that `encode_jpeg` wrote; empty if there is none, None if not a JPEG."""
    content = path.read_bytes() if path.is_file() else b""
    if not (content.startswith(_START) and content.endswith(_END)):
        return None
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            comment = image.info.get("comment", b"")
    except DECODER_ERRORS:
        return None
    return bytes(comment).decode("utf-8", "replace")
