"""Page files: the files of the page, and photographs as it shows them."""

from importlib import resources

import imagecodecs

from ..reports.overlays import Photographs

_QUALITY = 90


def page_file(name: str) -> str:
    """Return the text of a file of the page."""
    return (resources.files(__package__) / "page" / name).read_text()


def photo_jpeg(photos: Photographs | None, image_id: str, shape: tuple[int, int]) -> bytes | None:
    """Return the photograph of an image as JPEG, upright, without Exif; None without one."""
    pixels = photos.beneath(image_id, shape) if photos else None
    if pixels is None:
        return None
    # Three times as fast as Pillow.
    return bytes(imagecodecs.jpeg8_encode(pixels, level=_QUALITY))
