"""Verification: whether a downloaded file is the expected one, by size, hash or pixels."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import ImageError
from ..images.photographs import read_image

_CHUNK = 1 << 20
_MAX_IMAGE_BYTES, _MAX_BYTES = 64 << 20, 64 << 30


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The known properties of a file before it is downloaded; None if unknown.

    Attributes
    ----------
    size : int, optional
        Size in bytes.
    sha256, md5 : str, optional
        Hashes of the file, in hexadecimal.
    pixel_md5 : str, optional
        Hash of the RGB pixels, row by row. It decides if `md5` differs, as it does for a PNG that
        was compressed again.
    side : int, optional
        Height and width of an image in pixels. If given, the image must decode completely.
    has_checksums : bool
        Whether the file holds checksums of its own content, as archives do.
    """

    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    pixel_md5: str | None = None
    side: int | None = None
    has_checksums: bool = False

    @property
    def is_verifiable(self) -> bool:
        """Whether a hash or checksum tells the expected content from any other."""
        return bool(self.sha256 or self.md5 or self.pixel_md5 or self.has_checksums)

    @property
    def max_bytes(self) -> int:
        """Largest size in bytes that the file can have."""
        return self.size or (_MAX_IMAGE_BYTES if self.side else _MAX_BYTES)


def problem(path: Path, expected: Expected) -> str | None:
    """Return what is wrong with a file, or None if nothing is.

    If a known hash of the file matches, its pixels are not read.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    size = path.stat().st_size
    if not size:
        return "it is empty"
    hashes = file_hashes(path, *(name for name in ("sha256", "md5") if getattr(expected, name)))
    for name, digest in hashes.items():
        if digest == getattr(expected, name):
            return None
    if expected.pixel_md5:
        return _pixel_problem(path, expected)
    if hashes:
        name, digest = next(iter(hashes.items()))
        return f"its {name} is {digest}, not {getattr(expected, name)}"
    if expected.size is not None and size != expected.size:
        return f"it has {size} bytes, not {expected.size}"
    return _pixel_problem(path, expected) if expected.side else None


def _pixel_problem(path: Path, expected: Expected) -> str | None:
    try:
        pixels = read_image(path, apply_profile=False)  # the published hashes are of these
    except ImageError as error:
        return str(error)
    height, width = pixels.shape[:2]
    if expected.side and (height, width) != (expected.side, expected.side):
        return f"it is {width}x{height}, not {expected.side}x{expected.side}"
    if expected.pixel_md5:
        digest = hashlib.md5(pixels.tobytes(), usedforsecurity=False).hexdigest()
        if digest != expected.pixel_md5:
            return f"the md5 of its pixels is {digest}, not {expected.pixel_md5}"
    return None


def file_hashes(path: Path, *names: str) -> dict[str, str]:
    """Return hashes of a file's content in hexadecimal, by name; the file is read only once."""
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    if digests:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                for digest in digests.values():
                    digest.update(chunk)
    return {name: digest.hexdigest() for name, digest in digests.items()}
