import logging

import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, TrainingDataError
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from ffhq_wrinkle.segmentation.training_data.split import make_split
from tests.helpers.training_data import dealt

OFFICIAL = ["00006", "00171", "01044"]  # of these the first two are made up


def sizes(split):
    return {part: len(split.ids(part)) for part in ("train", "val", "test")}


def test_eight_in_ten_train_one_validates_and_one_tests(hundred):
    split = dealt(hundred)
    assert sizes(split) == {"train": 80, "val": 10, "test": 10}
    assert sorted(split.parts) == [one.image_id for one in hundred]
    assert sizes(dealt(hundred, shares=(0.5, 0.3, 0.2))) == {"train": 50, "val": 30, "test": 20}


def test_the_split_depends_on_the_seed_alone(hundred):
    assert dealt(hundred) == dealt(hundred[::-1], jobs=4)
    assert dealt(hundred) != dealt(hundred, seed=1)


def test_more_images_leave_the_others_nearly_where_they_were(hundred, make_samples):
    before = dealt(hundred).parts
    after = dealt(sorted([*hundred, *make_samples(["00500", "00501"])])).parts
    moved = [image_id for image_id, part in before.items() if after[image_id] != part]
    assert len(moved) <= 4  # at the borders of the parts only


def test_official_test_ids_are_tested_on_and_the_part_filled_up(hundred):
    split = dealt(hundred, test_ids=OFFICIAL)
    assert {"00006"} < set(split.ids("test"))
    assert sizes(split) == {"train": 80, "val": 10, "test": 10}
    many = [f"{number:05d}" for number in range(25)]
    split = dealt(hundred, test_ids=many)
    assert split.ids("test") == many
    assert sizes(split) == {"train": 65, "val": 10, "test": 25}


def test_the_published_test_ids_are_the_official_ones(make_samples):
    samples = make_samples(["01044", "03140", *(f"{number:05d}" for number in range(8))])
    for seed in range(3):
        test = make_split(samples, stage="finetune", seed=seed).ids("test")
        assert test == ["01044", "03140"]


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_picture_is_never_in_two_parts(make_samples, tmp_path, stage, seed):
    samples = make_samples(f"{number:05d}" for number in range(10))
    for twin, original in (("90000", "00003"), ("90001", "00003"), ("90002", "00004")):
        (tmp_path / f"{twin}.png").write_bytes((tmp_path / f"{original}.png").read_bytes())
        samples.append(Sample(twin, tmp_path / f"{twin}.png"))
    split = dealt(samples, stage=stage, seed=seed, test_ids=["90002"])
    assert len({split.parts[one] for one in ("00003", "90000", "90001")}) == 1
    assert split.parts["00004"] == split.parts["90002"] == "test"


def test_pixels_are_compared_and_not_files(make_samples, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    samples = make_samples(f"{number:05d}" for number in range(4))
    with Image.open(samples[0].image) as image:
        image.save(tmp_path / "copy.bmp")
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png")
    for name in ("copy.bmp", "turned.png"):
        samples.append(Sample(name.split(".")[0], tmp_path / name))
    for seed in range(5):
        split = dealt(samples, seed=seed)
        assert split.parts["copy"] == split.parts["00000"]
    assert "1 picture under several ids, such as 00000 and copy" in caplog.text


def test_a_fraction_is_of_the_training_part_and_less_is_part_of_more(hundred):
    splits = {share: dealt(hundred, fraction=share) for share in (0.001, 0.05, 0.1, 0.5, 1)}
    counts = [len(split.ids("train")) for split in splits.values()]
    assert counts == [1, 4, 8, 40, 80]
    for less, more in zip(splits.values(), list(splits.values())[1:], strict=False):
        assert set(less.ids("train")) < set(more.ids("train"))
        assert less.parts == more.parts
        assert less.ids("val") == more.ids("val")


def test_too_few_pictures_are_refused(make_samples, tmp_path):
    assert sizes(dealt(make_samples(["00001", "00002", "00003"]))) == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
    (tmp_path / "00003.png").write_bytes((tmp_path / "00002.png").read_bytes())
    samples = [Sample(one, tmp_path / f"{one}.png") for one in ("00001", "00002", "00003")]
    with pytest.raises(ArgumentError, match="none of 3 images, 2 different pictures, is left for"):
        dealt(samples)
    with pytest.raises(ArgumentError, match="is left for train and val;"):
        dealt(make_samples(["00001", "00002"]), test_ids=["00001", "00002"])


@pytest.mark.parametrize(
    "options",
    [{"fraction": 0}, {"fraction": 1.1}, {"shares": (1, 0, 0)}, {"shares": (0.5, 0.3, 0.3)}],
)
def test_invalid_settings_are_refused(hundred, options):
    with pytest.raises(ArgumentError, match="above 0"):
        dealt(hundred, **options)


def test_the_split_of_a_csv_is_used_as_it_is(make_samples, tmp_path, caplog):
    samples = make_samples(["00001", "00002", "00003", "00004"])
    given = {"00001": "test", "00002": "train", "00003": "val", "00004": "train"}
    split = dealt(samples, given=given, test_ids=["00002"])
    assert split.parts == given
    assert "the CSV gives 1 official test id to other parts than test, such as 00002" in caplog.text
    assert len(dealt(samples, given=given, fraction=0.5).ids("train")) == 1
    with pytest.raises(ArgumentError, match="1 image without a part, such as 00004"):
        dealt(samples, given=dict(list(given.items())[:3]))
    with pytest.raises(ArgumentError, match="is left for val;"):
        dealt(samples, given={**given, "00003": "test"})
    (tmp_path / "00004.png").write_bytes((tmp_path / "00001.png").read_bytes())
    with pytest.raises(ArgumentError, match="00001 and 00004 are the same picture, but one is in"):
        dealt(samples, given=given)


def test_images_that_cannot_be_read_are_named(hundred):
    hundred[3].image.write_text("none")
    with pytest.raises(TrainingDataError, match=r"1 image cannot be read: \S+00003\.png: not an"):
        dealt(hundred)
