import json
import logging
import re
import shutil

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import ffhq_wrinkle
from ffhq_wrinkle.errors import ArgumentError, TrainingDataError
from ffhq_wrinkle.segmentation.training_data.samples import load_sample, load_target
from tests.helpers.tables import write_csv
from tests.helpers.training_data import completed, draw_masks, listed


def test_masks_are_soft_if_the_record_of_fuse_labels_says_it(plain, parser):
    draw_masks(plain / "masks", ["00000", "00001", "00002", "00999"], levels=(0, 85))
    assert not listed(plain, "finetune").samples[0].soft
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    listing = listed(plain, "finetune")
    assert all(one.soft for one in listing.samples)
    assert load_sample(listing.samples[0], stage="finetune").target.max() == 85


def test_one_mask_of_many_levels_makes_all_soft(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    levels = np.array([[0, 85], [170, 255]], np.uint8).repeat(64, 0).repeat(64, 1)
    Image.fromarray(levels).save(plain / "masks" / "00002.png")
    listing = completed(plain, "finetune", parser)
    assert all(one.soft for one in listing.samples)
    assert re.search(r"are read as soft masks: .*00002\.png has more than two levels", caplog.text)
    assert_array_equal(load_sample(listing.samples[2], stage="finetune").target, levels)
    # Masks fused by majority have two values: this one is damaged.
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "majority"}}))
    with pytest.raises(TrainingDataError, match=r"00002\.png: not a mask of two values"):
        completed(plain, "finetune", parser)


LEVELS = np.array([[0, 85], [170, 255]], np.uint8).repeat(64, 0).repeat(64, 1)
TWO_LEVELS = np.where(LEVELS == 85, 85, 0).astype(np.uint8)


def save_in(folder, name, array):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(folder / f"{name}.png")


@pytest.fixture
def in_folders(plain):
    """Soft masks in a folder for each image; that of 00001 has only the levels 0 and 85."""
    masks = plain / "masks"
    shutil.rmtree(masks)
    for name, array in (("00000", LEVELS), ("00001", TWO_LEVELS), ("00002", LEVELS)):
        save_in(masks / name, name, array)
    return plain


@pytest.mark.parametrize("recorded", [False, True])
def test_soft_masks_of_two_levels_in_a_folder_of_their_own_are_soft(in_folders, parser, recorded):
    if recorded:  # by fuse-labels, in the folder above
        record = json.dumps({"settings": {"method": "soft"}})
        (in_folders / "masks" / "fusion.json").write_text(record)
    samples = completed(in_folders, "finetune", parser).samples
    for sample, levels in zip(samples, (LEVELS, TWO_LEVELS, LEVELS), strict=True):
        assert_array_equal(load_sample(sample, stage="finetune").target, levels)


def test_a_test_part_with_two_levels_is_scored_at_half_the_votes(in_folders):
    """Of 85 in 255, a third of the annotators, no pixel is ground truth."""
    (sample,) = (one for one in listed(in_folders, "finetune").samples if one.image_id == "00001")
    assert sample.soft
    assert not (load_target(sample, stage="finetune") >= 128).any()


def test_masks_without_a_record_are_soft_beside_recorded_soft_masks(plain, tmp_path):
    shutil.rmtree(plain / "masks")
    fused, others = tmp_path / "fused", tmp_path / "others"
    save_in(fused, "00000", TWO_LEVELS)
    (fused / "fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    save_in(others, "00001", TWO_LEVELS)
    rows = [
        {"image_id": name, "image": f"images/{name}.png", "mask": folder / f"{name}.png"}
        for name, folder in (("00000", fused), ("00001", others))
    ]
    table = write_csv(plain / "data.csv", rows)
    assert [sample.soft for sample in listed(table, "finetune").samples] == [True, True]


def test_evaluate_and_agreement_refuse_folders_of_soft_masks(in_folders, tmp_path):
    masks = in_folders / "masks"
    (masks / "fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    with pytest.raises(ArgumentError, match=r"reference masks in .* are soft masks"):
        ffhq_wrinkle.evaluate(masks / "00001", masks / "00002")
    with pytest.raises(ArgumentError, match=r"masks in .* are soft masks.*--threshold 128"):
        ffhq_wrinkle.agreement([masks / "00001", masks / "00002"])
