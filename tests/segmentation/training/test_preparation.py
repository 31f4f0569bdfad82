"""Preparation: the images of each part, and the data that are refused before training."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, TrainingDataError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.training.preparation import prepare
from ffhq_wrinkle.segmentation.training.recipes import parse_recipe
from ffhq_wrinkle.segmentation.training.run_folder import RunFolder
from ffhq_wrinkle.segmentation.training.settings import TrainSettings
from ffhq_wrinkle.segmentation.training_data.sample_files import PARTS
from ffhq_wrinkle.segmentation.training_data.split_file import read_split
from tests.helpers.tables import write_csv
from tests.helpers.training import RECIPE
from tests.helpers.training_data import with_human_masks

BOTH = parse_recipe(RECIPE, "small.toml")
LABELLED, OTHERS = range(12), range(20, 26)


@pytest.fixture
def data(make_dataset):
    """Eighteen drawn faces of 32x32, twelve with a human mask."""
    dataset = make_dataset([*LABELLED, *OTHERS], side=32)
    return with_human_masks(dataset, dataset.ids[:12])


@pytest.fixture
def prepared(data, tmp_path):
    """A function that prepares a recipe in a folder."""

    def of(recipe=BOTH, folder="run", path=None, parser=None, **settings):
        (tmp_path / folder).mkdir(exist_ok=True)
        return prepare(
            recipe,
            path or data.root,
            tmp_path / folder,
            parser=parser or (lambda: ReadyLabels(data.labels)),
            settings=TrainSettings(**settings),
        )

    return of


def ids(stages, stage, part):
    return [one.image_id for one in getattr(stages[stage], part)]


def all_ids(stages, stage):
    return [image_id for part in PARTS for image_id in ids(stages, stage, part)]


def no_parser():
    raise AssertionError("weak masks were to be made")


def test_copies_of_images_that_validate_or_test_are_not_pretrained_on(
    data, prepared, tmp_path, caplog
):
    first = prepared(folder="first")
    (val,), (test,) = ids(first, "finetune", "val"), ids(first, "finetune", "test")
    train = ids(first, "finetune", "train")[0]
    shutil.copy(data.image_path(val), data.image_path("00021"))
    with Image.open(data.image_path(test)) as image:  # other bytes, the same pixels
        image.save(data.image_path("00022"), compress_level=0)
    shutil.copy(data.image_path(train), data.image_path("00023"))
    stages = prepared(folder="second")
    folders = (tmp_path / "first", tmp_path / "second")
    before, after = (read_split(folder / "split.csv") for folder in folders)
    assert before == after
    assert ids(stages, "pretrain", "val") == sorted([val, "00021"])
    assert ids(stages, "pretrain", "test") == sorted([test, "00022"])
    assert {"00020", "00023", train} <= set(ids(stages, "pretrain", "train"))
    assert "left out of pretraining: 2 images with the same picture as a validation" in caplog.text
    assert read_split(tmp_path / "second/pretrain/split.csv").parts["00022"] == "test"
    # A run that is resumed reads its splits, and compares no images.
    data.image_path("00022").write_bytes(data.image_path("00020").read_bytes())
    resumed = prepared(folder="second")
    for stage in ("pretrain", "finetune"):
        assert [ids(resumed, stage, part) for part in PARTS] == [
            ids(stages, stage, part) for part in PARTS
        ]


def test_a_run_that_was_never_trained_is_split_again(prepared, data, tmp_path):
    with RunFolder(tmp_path / "run", {"seed": 0}, data=data.root):
        prepared()
    with RunFolder(tmp_path / "run", {"seed": 1}, data=data.root):
        assert not list((tmp_path / "run").rglob("split.csv"))


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_one_stage_alone_has_the_split_of_both(prepared, tmp_path, stage):
    both, alone = prepared(folder="both"), prepared(BOTH.only(stage), folder="alone")
    for part in PARTS:
        assert ids(alone, stage, part) == ids(both, stage, part)
    folders = (tmp_path / "both", tmp_path / "alone")
    assert len({(folder / "split.csv").read_bytes() for folder in folders}) == 1


def test_official_test_ids_without_a_mask_are_not_pretrained_on(data, prepared, tmp_path):
    official = data.image_path("01044")
    official.parent.mkdir()
    shutil.copy(data.image_path("00020"), official)
    np.save(data.labels / "01044.npy", np.load(data.labels / "00020.npy"))
    for recipe, folder in ((BOTH, "run"), (BOTH.only("pretrain"), "alone")):
        stages = prepared(recipe, folder)
        assert {"01044", "00020"} <= set(ids(stages, "pretrain", "test"))
        assert "01044" not in read_split(tmp_path / folder / "split.csv").parts


def test_the_split_of_a_csv_counts_for_images_without_a_mask_too(data, prepared, tmp_path):
    parts = dict(zip(data.ids, ["train"] * 8 + ["val", "val", "test", "test"], strict=False))
    parts |= dict.fromkeys(data.ids[12:], "train") | {"00021": "test", "00022": "val"}
    rows = [
        {
            "image_id": one,
            "image": str(data.image_path(one)),
            "mask": str(data.root / f"manual_wrinkle_masks/{one}.png") if int(one) < 12 else "",
            "split": part,
        }
        for one, part in parts.items()
    ]
    table = write_csv(tmp_path / "data.csv", rows)
    for recipe, folder in ((BOTH, "run"), (BOTH.only("pretrain"), "alone")):
        stages = prepared(recipe, folder, table)
        assert ids(stages, "pretrain", "val") == ["00008", "00009", "00022"]
        assert ids(stages, "pretrain", "test") == ["00010", "00011", "00021"]
        assert len(ids(stages, "pretrain", "train")) == 12
    assert ids(prepared(path=table), "finetune", "val") == ["00008", "00009"]


def test_without_any_human_mask_nearly_all_train(data, prepared, tmp_path):
    shutil.rmtree(data.root / "manual_wrinkle_masks")
    stages = prepared(BOTH.only("pretrain"), fraction=0.1)
    sizes = [len(ids(stages, "pretrain", part)) for part in PARTS]
    assert sizes == [16, 1, 1]
    assert not (tmp_path / "run" / "split.csv").exists()
    with pytest.raises(ArgumentError, match="has no human masks to finetune on"):
        prepared(parser=no_parser)


def test_a_fraction_is_of_the_masks_to_finetune_on(prepared):
    stages = prepared(fraction=0.2)
    assert len(ids(stages, "finetune", "train")) == 2
    assert len(ids(stages, "pretrain", "train")) == 16
    alone = prepared(BOTH.only("pretrain"), "alone", fraction=0.2)
    assert len(ids(alone, "pretrain", "train")) == 16


@pytest.mark.parametrize("limit", [3, 5, 14])
def test_with_a_limit_each_stage_has_images_for_each_part(data, prepared, limit):
    for image_id in data.ids[:4]:  # so that images with a mask come late in the order of ids
        (data.root / "manual_wrinkle_masks" / f"{image_id}.png").unlink()
    stages = prepared(limit=limit)
    assert len(all_ids(stages, "pretrain")) == limit
    assert len(all_ids(stages, "finetune")) == min(limit, 8)
    for stage in ("pretrain", "finetune"):
        assert all(ids(stages, stage, part) for part in ("train", "val"))
    kept = {*ids(stages, "finetune", "val"), *ids(stages, "finetune", "test")}
    assert kept.isdisjoint(ids(stages, "pretrain", "train"))


def test_a_part_that_lacks_faces_is_refused(data, prepared):
    (val,) = ids(prepared(), "finetune", "val")
    np.save(data.labels / f"{val}.npy", np.zeros((512, 512), np.uint8))
    shutil.rmtree(data.root / ".ffhq-wrinkle-cache")
    with pytest.raises(TrainingDataError, match="no image of the val part of pretrain has a face"):
        prepared()


def test_sizes_that_do_not_fit_are_found_before_weak_masks_are_made(data, prepared):
    with pytest.raises(TrainingDataError, match="18 images are smaller than crops of --size 64;"):
        prepared(BOTH.changed({"size": 64}), parser=no_parser)
    Image.new("RGB", (24, 40)).save(data.image_path("00020"))
    with pytest.raises(TrainingDataError, match="the images of a batch of 4 must have one size"):
        prepared(parser=no_parser)
    with pytest.raises(TrainingDataError, match=r"shortest side of all is 24: \S+20.png \(24x40\)"):
        prepared(BOTH.changed({"size": 25}), parser=no_parser)


def test_the_message_gives_the_reason_why_a_weak_mask_could_not_be_made(data, prepared):
    content = bytearray(data.image_path("00021").read_bytes())
    content[len(content) // 2] ^= 1
    data.image_path("00021").write_bytes(content)
    with pytest.raises(TrainingDataError, match=r"00021\.png: .*(damaged|checksum|CRC)"):
        prepared(BOTH.only("pretrain"))
