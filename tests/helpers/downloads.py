"""Files that a host has, and where the data set has them."""

import csv
import hashlib
import io
import json
import tarfile
import zipfile

import numpy as np
from PIL import Image

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


SHARD_REPOSITORY, SHARD_REVISION = "someone/faces-wds", "def456"


def webp(number):
    """The same picture as `picture`, as lossless WebP."""
    content = io.BytesIO()
    with Image.open(io.BytesIO(picture(number))) as image:
        image.save(content, "WEBP", lossless=True)
    return content.getvalue()


def pixel_md5(number):
    pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return md5(pixels.tobytes())


def tar(members):
    """A tar file of (name, content), as WebDataset writes them."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, body in members:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return content.getvalue()


def shard(numbers):
    """A tar file of images, each followed by a file that is none."""
    return tar(
        member
        for number in numbers
        for member in ((f"{number:05d}.webp", webp(number)), (f"{number:05d}.json", b"{}"))
    )


def serve_shards(host, shards):
    """Be a mirror of tar files, by their names."""
    prefix = f"/datasets/{SHARD_REPOSITORY}/resolve/{SHARD_REVISION}/"
    for name, content in shards.items():
        host.files[prefix + name] = content
    listed = [{"type": "file", "path": name, "size": 1} for name in ("README.md", *shards)]
    tree = f"/api/datasets/{SHARD_REPOSITORY}/tree/{SHARD_REVISION}"
    host.files[tree] = json.dumps(listed).encode()
    return prefix


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
