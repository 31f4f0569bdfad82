"""Files that a host has, and where the data set has them."""

import csv
import hashlib
import io
import zipfile

import numpy as np

from ffhq_wrinkle.images.png import encode_png
from tests.helpers.tables import rows_of

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
        for name, body in files.items():
            archive.writestr(name, body)
    return content.getvalue()


def md5(content):
    return hashlib.md5(content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def ledger(data):
    return {row["file"]: row for row in rows_of(data / "download.csv")}


def write_facts(data, host, contents, **other):
    data.mkdir(exist_ok=True)
    with (data / "image_facts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "url", "size", "md5", "pixel_md5"])
        for image_id, content in contents.items():
            row = {"size": len(content), "md5": md5(content), "pixel_md5": "0" * 32, **other}
            table.writerow([image_id, host.url(f"/{image_id}.png"), *row.values()])


def metadata_of(files):
    """FFHQ's table, as it is published."""
    return {
        str(int(image_id)): {
            "category": "training",
            "metadata": {
                "photo_url": f"https://flickr/{image_id}",
                "photo_title": 'A, "title"',
                "author": "Jeremy Frumkin",
                "license": "Attribution-NonCommercial License",
                "license_url": "https://creativecommons.org/licenses/by-nc/2.0/",
            },
            "image": {
                "file_url": f"https://drive/{image_id}",
                "file_size": len(content),
                "file_md5": md5(content),
                "pixel_size": [SIDE, SIDE],
                "pixel_md5": "f" * 32,
            },
        }
        for image_id, content in files.items()
    }
