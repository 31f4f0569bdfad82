"""nnU-Net: labels 0 and 1, images by channel suffix, as its own integrity check wants them.

`tools/check_nnunet.sh` runs that check itself, in an environment of its own.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, OutputError
from tests.helpers.publishing import (
    IDS,
    SHAPE,
    drawn,
    expected_masks,
    odd_data,
    photograph,
    published,
    write_png,
)

STEMS = {
    "00007": "00007",
    "eval-1": "eval-1",
    "dev 3": "dev=203",
    "visits/1.2": "visits=2F1=2E2",
    "00008": "00008",
}


def pixels(path):
    return np.asarray(Image.open(path))


def test_labels_are_0_and_1_under_the_ids_of_the_data(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "Dataset501_W", "nnunet")
    for image_id, mask in expected_masks().items():
        folder = "labelsTs" if IDS[image_id] == "test" else "labelsTr"
        np.testing.assert_array_equal(pixels(out / folder / f"{STEMS[image_id]}.png"), mask // 255)
    assert len(list((out / "labelsTr").iterdir())) == 4


def test_the_description_refers_to_photographs_and_labels(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "Dataset501_W", "nnunet")
    content = json.loads((out / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "wrinkle": 1}
    assert content["channel_names"] == {"0": "R", "1": "G", "2": "B"}
    assert content["numTraining"] == len(content["dataset"]) == 4
    for number, image_id in enumerate(IDS):
        if IDS[image_id] != "test":
            entry = content["dataset"][STEMS[image_id]]
            [image] = entry["images"]
            assert not Path(image).is_absolute()
            np.testing.assert_array_equal(pixels(out / image), photograph(number))
            assert (out / entry["label"]).is_file()


def test_photographs_are_copied_as_rgb_png_with_a_suffix_for_the_channel(tmp_path):
    data = odd_data(tmp_path / "data")
    Image.fromarray(photograph(0)).convert("L").save(tmp_path / "data/images/0.png")
    out = published(data, tmp_path / "Dataset501_W", "nnunet", with_images=True, any_licence=True)
    names = {path.name for path in (out / "imagesTr").iterdir()}
    assert names == {f"{STEMS[name]}_0000.png" for name in IDS if IDS[name] != "test"}
    assert pixels(out / "imagesTr/00007_0000.png").shape == (*SHAPE, 3)
    assert "dataset" not in json.loads((out / "dataset.json").read_text())


def test_photographs_that_it_cannot_read_where_they_lie_are_named(tmp_path):
    data = odd_data(tmp_path / "data")
    Image.fromarray(photograph(0)).convert("L").save(tmp_path / "data/images/0.png")
    with pytest.raises(OutputError, match=r"images/0\.png is not; --with-images copies it"):
        published(data, tmp_path / "Dataset501_W", "nnunet")


def test_the_split_is_written_as_it_reads_it(tmp_path):
    out = published(odd_data(tmp_path / "data"), tmp_path / "Dataset501_W", "nnunet")
    assert json.loads((out / "splits_final.json").read_text()) == [
        {"train": ["00007", "eval-1", "visits=2F1=2E2"], "val": ["dev=203"]}
    ]


def test_disputed_pixels_get_the_label_to_ignore(tmp_path, annotate):
    first, second = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    first[5, 5:9] = second[5, 7:12] = True  # both drew columns 7 and 8
    data = tmp_path / "data"
    write_png(data / "images/00007.png", photograph(0))
    write_png(data / "masks/00007.png", (first & second) * np.uint8(255))
    folders = annotate({"A": {"00007": first}, "B": {"00007": second}})
    out = published(
        data, tmp_path / "Dataset501_W", "nnunet",
        annotators=[str(folder) for folder in folders], ignore_disputed=True,
    )  # fmt: skip
    assert pixels(out / "labelsTr/00007.png")[5, 4:13].tolist() == [0, 2, 2, 1, 1, 2, 2, 2, 0]
    assert json.loads((out / "dataset.json").read_text())["labels"]["ignore"] == 2


def test_disputed_pixels_need_two_annotators(tmp_path, annotate):
    [folder] = annotate({"A": {"00007": drawn(0)}})
    with pytest.raises(ArgumentError, match="at least 2 annotators"):
        published(
            odd_data(tmp_path / "data"), tmp_path / "out", "nnunet",
            ignore_disputed=True, annotators=[str(folder)],
        )  # fmt: skip


def test_soft_masks_are_refused(tmp_path):
    data = tmp_path / "data"
    write_png(data / "images/00007.png", photograph(0))
    write_png(data / "masks/00007.png", drawn(0) * np.uint8(85))
    (data / "masks/fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    with pytest.raises(ArgumentError, match="shares of votes, which nnU-Net cannot hold"):
        published(data, tmp_path / "out", "nnunet")
