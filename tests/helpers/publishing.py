"""Data sets to publish: names that loaders misread, with masks that differ from each other."""

import csv

import numpy as np
from PIL import Image

from ffhq_wrinkle.api.publishing import publish

SHAPE = (24, 36)
# By part. Loaders take "eval" and "dev" for splits, end keys at dots, and read 00007 as 7.
ODD_IDS = {
    "00007": "train",
    "eval-1": "train",
    "dev 3": "val",
    "visits/1.2": "train",
    "00000/00008": "test",
}
# The last is the file of a shard, whose image is 00008.
IDS = {image_id.removeprefix("00000/"): part for image_id, part in ODD_IDS.items()}


def drawn(seed):
    """A mask of two bars and a single pixel, all different for different seeds."""
    mask = np.zeros(SHAPE, bool)
    mask[2 + seed, 3 : 10 + seed] = True
    mask[9:20, 20 + seed] = True
    mask[22, 1 + 2 * seed] = True
    return mask


def write_png(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def photograph(seed):
    """Noise, RGB uint8."""
    return np.random.default_rng(seed).integers(0, 256, (*SHAPE, 3), np.uint8)


def odd_data(root, *, weak=False, ids=ODD_IDS):
    """Write a CSV with photographs and masks of odd ids; give its path."""
    rows = []
    for seed, (image_id, part) in enumerate(ids.items()):
        stem = f"{seed}"
        write_png(root / f"images/{stem}.png", photograph(seed))
        write_png(root / f"masks/{stem}.png", drawn(seed) * np.uint8(255))
        row = [image_id, f"images/{stem}.png", f"masks/{stem}.png", part]
        if weak:
            levels = photograph(seed)[:, :, 0]
            write_png(root / f"weak/{stem}.png", levels)
            row.append(f"weak/{stem}.png")
        rows.append(row)
    path = root / "data.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "image", "mask", "split", *(["weak"] if weak else [])])
        table.writerows(rows)
    return path


def expected_masks(ids=ODD_IDS):
    """The masks of `odd_data` as 0 and 255, by id."""
    return {
        image_id.removeprefix("00000/"): drawn(seed) * np.uint8(255)
        for seed, image_id in enumerate(ids)
    }


def published(data, out, target, **options):
    """Publish on one thread, and give the folder."""
    publish(data, out, target=target, jobs=1, **options)
    return out


ADDRESSES = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by": "https://creativecommons.org/licenses/by/2.0/",
    "cc-by-nc": "https://creativecommons.org/licenses/by-nc/2.0/",
    "cc-by-nd": "https://creativecommons.org/licenses/by-nd/2.0/",
}


def write_attribution(root, licences):
    """Write the table that `download metadata` makes, given the licence of each id."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "attribution.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "author", "license", "license_url", "photo_url", "photo_title"])
        for image_id, licence in licences.items():
            table.writerow([image_id, "Somebody", "", ADDRESSES[licence], "https://a", "A photo"])
