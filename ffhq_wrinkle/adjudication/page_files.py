"""Page files: the files of the page, and photographs as it shows them."""

import io
from importlib import resources

from PIL import Image

from ..reports.overlays import Photographs

_QUALITY = 92


def page_file(name: str) -> str:
    """Return the text of a file of the page."""
    return (resources.files(__package__) / "page" / name).read_text()


def photo_jpeg(photos: Photographs | None, image_id: str, shape: tuple[int, int]) -> bytes | None:
    """Return the photograph of an image as JPEG, upright, without Exif; None without one."""
    pixels = photos.beneath(image_id, shape) if photos else None
    if pixels is None:
        return None
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=_QUALITY, subsampling=0)
    return content.getvalue()
