import json
import logging

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import TrainingDataError
from ffhq_wrinkle.segmentation.training_data.samples import load_sample
from tests.helpers.training_data import completed, draw_masks, listed


def test_masks_are_soft_if_the_record_of_fuse_labels_says_it(plain, parser):
    draw_masks(plain / "masks", ["00000", "00001", "00002", "00999"], levels=(0, 85))
    assert not listed(plain, "finetune").samples[0].soft
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    listing = listed(plain, "finetune")
    assert all(one.soft for one in listing.samples)
    assert load_sample(listing.samples[0], stage="finetune").target.max() == 85


def test_one_mask_of_many_levels_makes_its_folder_soft(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    levels = np.array([[0, 85], [170, 255]], np.uint8).repeat(64, 0).repeat(64, 1)
    Image.fromarray(levels).save(plain / "masks" / "00002.png")
    listing = completed(plain, "finetune", parser)
    assert all(one.soft for one in listing.samples)
    assert "are read as soft masks: 00002.png has more than two levels" in caplog.text
    assert_array_equal(load_sample(listing.samples[2], stage="finetune").target, levels)
    # Masks fused by majority have two values: this one is damaged.
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "majority"}}))
    with pytest.raises(TrainingDataError, match=r"00002\.png: not a mask of two values"):
        completed(plain, "finetune", parser)
