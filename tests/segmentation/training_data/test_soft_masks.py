import json
import logging

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import TrainingDataError
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable
from ffhq_wrinkle.segmentation.training_data.listing import read_listing
from ffhq_wrinkle.segmentation.training_data.samples import load_sample
from tests.helpers.training_data import draw_masks


def test_soft_masks_are_told_by_what_fuse_labels_noted(plain, parser):
    draw_masks(plain / "masks", ["00000", "00001", "00002", "00999"], levels=(0, 85))
    assert not read_listing(plain, stage="finetune", parser=parser).samples[0].soft
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    found = read_listing(plain, stage="finetune", parser=parser)
    assert all(one.soft for one in found.samples)
    assert load_sample(found.samples[0], stage="finetune").target.max() == 85


def test_one_mask_of_many_levels_makes_its_folder_soft(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    levels = np.array([[0, 85], [170, 255]], np.uint8).repeat(64, 0).repeat(64, 1)
    Image.fromarray(levels).save(plain / "masks" / "00002.png")
    found = read_listing(plain, stage="finetune", parser=parser)
    assert all(one.soft for one in found.samples)
    assert "are taken as soft: 00002.png has many levels" in caplog.text
    require_trainable(found.samples, stage="finetune")
    assert_array_equal(load_sample(found.samples[2], stage="finetune").target, levels)
    # But not if they are known to be the majority's: then something else is wrong.
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "majority"}}))
    found = read_listing(plain, stage="finetune", parser=parser)
    with pytest.raises(TrainingDataError, match=r"00002\.png: not a mask of two values"):
        require_trainable(found.samples, stage="finetune")
