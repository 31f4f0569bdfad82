"""Human masks of drawn faces, their listings, and a parser that must not be made."""

import numpy as np
from PIL import Image

from ffhq_wrinkle.segmentation.training_data.listing import complete_listing, list_samples
from ffhq_wrinkle.segmentation.training_data.sample_files import find_sample_files
from ffhq_wrinkle.segmentation.training_data.split import make_split
from tests.helpers.faces import drawn_lines


def never():
    raise AssertionError("a parser was asked for")


def draw_masks(folder, ids, side=128, levels=(0, 255)):
    folder.mkdir(parents=True, exist_ok=True)
    for image_id in ids:
        drawn = drawn_lines((side, side), int(image_id), lines=9)
        Image.fromarray(np.array(levels, np.uint8)[drawn.astype(int)]).save(
            folder / f"{image_id}.png"
        )
    return folder


def with_human_masks(dataset, ids):
    """Draw the same forehead lines as the human mask of some images of 32x32; give the data set."""
    folder = dataset.root / "manual_wrinkle_masks"
    folder.mkdir()
    for image_id in ids:
        drawn = np.zeros((32, 32), np.uint8)
        drawn[8:11, 12:20] = 255
        Image.fromarray(drawn).save(folder / f"{image_id}.png")
    return dataset


def listed(data, stage, *, limit=None, **options):
    """List the first images of a data set that a stage can use."""
    files = find_sample_files(data)
    image_ids = sorted(files.images if stage == "pretrain" else files.masks)[:limit]
    return list_samples(files, image_ids, stage=stage, **options)


def completed(data, stage, parser, *, cache=None, jobs=1, **options):
    """List them, and make the weak masks and face masks that they lack."""
    listing = listed(data, stage, jobs=jobs, **options)
    files = find_sample_files(data)
    return complete_listing(listing, files, parser=parser, cache=cache, jobs=jobs)


def dealt(samples, **options):
    """Split samples by seed 0, without official test ids."""
    return make_split(samples, **{"stage": "finetune", "seed": 0, "test_ids": (), **options})
