"""Files that a host has, and where the data set has them."""

import io
import zipfile

import numpy as np

from ffhq_wrinkle.images.png import encode_png

SIDE = 16
REPOSITORY, REVISION = "someone/faces", "abc123"


def picture(number):
    """A PNG of noise, unlike any other."""
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return encode_png(pixels)


def place(image_id):
    return f"images1024x1024/{int(image_id) // 1000 * 1000:05d}/{image_id}.png"


def serve_images(host, numbers):
    files = {f"{number:05d}": picture(number) for number in numbers}
    for image_id, content in files.items():
        host.files[f"/{image_id}.png"] = content
    return files


def packed(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, one in files.items():
            archive.writestr(name, one)
    return content.getvalue()
