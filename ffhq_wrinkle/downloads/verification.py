"""Verification: whether a fetched file is what it should be, by size and hash, or by its pixels."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from ..images.photographs import read_image

_CHUNK = 1 << 20
_MOST_OF_AN_IMAGE, _MOST = 64 << 20, 64 << 30


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is known of a file before it is fetched; None is not known.

    Attributes
    ----------
    size : int, optional
        Bytes.
    sha256, md5 : str, optional
        Of the file, in hexadecimal.
    pixel_md5 : str, optional
        Of the RGB pixels, row by row; decides where `md5` differs, as it does of a PNG that was
        compressed again.
    side : int, optional
        Pixels of each side of an image, which then has to decode whole.
    """

    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    pixel_md5: str | None = None
    side: int | None = None

    @property
    def most(self) -> int:
        """Bytes after which a file can only be wrong."""
        return self.size or (_MOST_OF_AN_IMAGE if self.side else _MOST)


def problem(path: Path, expected: Expected) -> str | None:
    """Say what is wrong with a file; None if nothing is.

    Where a hash of the file is known and right, its pixels are not looked at.

    Raises
    ------
    OSError
        The file can not be read.
    """
    size = path.stat().st_size
    if not size:
        return "it is empty"
    hashed = file_hashes(path, *(name for name in ("sha256", "md5") if getattr(expected, name)))
    for name, found in hashed.items():
        if found == getattr(expected, name):
            return None
    if expected.pixel_md5:
        return _pixel_problem(path, expected)
    if hashed:
        name, found = next(iter(hashed.items()))
        return f"its {name} is {found}, not {getattr(expected, name)}"
    if expected.size is not None and size != expected.size:
        return f"it has {size} bytes, not {expected.size}"
    return _pixel_problem(path, expected) if expected.side else None


def _pixel_problem(path: Path, expected: Expected) -> str | None:
    try:
        pixels = read_image(path)
    except ImageError as error:
        return str(error)
    height, width = pixels.shape[:2]
    if expected.side and (height, width) != (expected.side, expected.side):
        return f"it is {width}x{height}, not {expected.side}x{expected.side}"
    if expected.pixel_md5:
        found = hashlib.md5(pixels.tobytes(), usedforsecurity=False).hexdigest()
        if found != expected.pixel_md5:
            return f"the md5 of its pixels is {found}, not {expected.pixel_md5}"
    return None


def file_hashes(path: Path, *names: str) -> dict[str, str]:
    """Hashes of a file's content, by name, in hexadecimal; read once for all of them."""
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    if digests:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                for digest in digests.values():
                    digest.update(chunk)
    return {name: digest.hexdigest() for name, digest in digests.items()}
