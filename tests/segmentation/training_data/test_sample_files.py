import shutil

import pytest

from ffhq_wrinkle.errors import ArgumentError, TrainingDataError
from ffhq_wrinkle.faces.mesh_parser import MeshParser
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable
from ffhq_wrinkle.segmentation.training_data.sample_files import find_sample_files
from ffhq_wrinkle.segmentation.training_data.samples import load_sample
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.odd_names import NOT_TEXT
from tests.helpers.tables import write_csv
from tests.helpers.training_data import completed, listed, never

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def test_the_released_layout_has_all_kinds_of_files(released, dataset):
    listing = completed(released, "finetune", never)
    assert [one.image_id for one in listing.samples] == dataset.ids[:4]
    first = listing.samples[0]
    assert first.image == dataset.image_path("00000")
    assert first.mask == released / "manual_wrinkle_masks" / "00000.png"
    assert first.weak == released / "weak_wrinkle_masks" / "00000" / "00000.png"
    assert first.face == dataset.labels / "00000.npy"
    assert listing.texture == RELEASED
    assert not find_sample_files(released).split
    require_trainable(listing.samples, stage="finetune")
    assert load_sample(first, stage="finetune").texture.any()


def test_pretraining_takes_every_photograph(released, dataset):
    listing = completed(released, "pretrain", never)
    assert [one.image_id for one in listing.samples] == dataset.ids
    assert all(one.mask is None and one.face is None for one in listing.samples)


def test_weak_masks_of_the_released_layout_without_a_record_are_the_published_ones(
    released, dataset
):
    (released / "weak_wrinkle_masks" / "build.json").unlink()
    (released / "etcs").mkdir()
    dataset.labels.rename(released / "etcs" / "face_parsed_labels")
    listing = completed(released, "finetune", never)
    assert listing.texture == RELEASED
    assert listing.samples[0].face == released / "etcs" / "face_parsed_labels" / "00000.npy"
    with pytest.raises(ArgumentError, match=r"recipe released.*not with recipe paper"):
        completed(released, "finetune", never, texture=PAPER)


def test_a_mask_without_its_photograph_is_found_by_the_checks(released):
    shutil.copy(
        released / "manual_wrinkle_masks/00000.png", released / "manual_wrinkle_masks/7.png"
    )
    listing = listed(released, "finetune")
    with pytest.raises(TrainingDataError, match=r"1 file does not exist: \S+00000/00007\.png"):
        require_trainable(listing.samples, stage="finetune")


def test_a_csv_names_files_anywhere(plain, dataset, tmp_path):
    path = write_csv(
        tmp_path / "data.csv",
        [
            {"image_id": "1", "image": "plain/images/00001.png", "mask": "plain/masks/00000.png"},
            {"image_id": "portrait", "image": str(dataset.image_path("00002")), "mask": ""},
            {"image_id": "2", "image": str(dataset.image_path("00002")), "mask": "none.png"},
        ],
    )
    listing = listed(path, "finetune")
    assert [one.image_id for one in listing.samples] == ["00001", "00002"]
    with pytest.raises(TrainingDataError, match=r"1 file does not exist: \S+none\.png"):
        require_trainable(listing.samples, stage="finetune", complete=False)
    listing = completed(path, "pretrain", MeshParser)
    assert [one.image_id for one in listing.samples] == ["00001", "00002", "portrait"]
    assert listing.samples[0].weak.is_relative_to(tmp_path / ".ffhq-wrinkle-cache")


def test_a_csv_can_name_all_kinds_of_files_and_the_split(released, tmp_path):
    rows = [
        {
            "image_id": image_id,
            "image": f"data/images1024x1024/00000/{image_id}.png",
            "mask": f"data/manual_wrinkle_masks/{image_id}.png",
            "weak": f"data/weak_wrinkle_masks/00000/{image_id}.png",
            "face_mask": f"data/face_parsed_labels/{image_id}.npy",
            "split": part,
        }
        for image_id, part in (("00000", "train"), ("00001", "val"), ("00002", "test"))
    ]
    path = write_csv(tmp_path / "data.csv", rows)
    listing = completed(path, "finetune", never)
    assert listing.texture == RELEASED
    assert find_sample_files(path).split == {"00000": "train", "00001": "val", "00002": "test"}
    require_trainable(listing.samples, stage="finetune")
    assert not (tmp_path / ".ffhq-wrinkle-cache").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,image\n1,a.png\n",
            "data.csv:1: the columns are id, image; they should be image_id",
        ),
        ("image_id,image,masks\n", "data.csv:1: the columns"),
        ("image_id,image\n1,a.png\n00001,b.png\n", "data.csv:3: the image id 00001 occurs twice"),
        ("image_id,image\n../1,a.png\n", "data.csv:2: '../1' is not an image id"),
        ("image_id,image\n1,\n", "data.csv:2: 00001 has no image"),
        ("image_id,image\n1\n", "data.csv:2: the line has more or fewer values"),
        ("image_id,image,split\n1,a.png,training\n", "data.csv:2: the split is 'training'"),
        ("image_id,image,split\n1,a,train\n2,b,\n", "data.csv:3: give every image a split"),
        ("image_id,image,split\n1,a,\n2,b,val\n", "data.csv:3: give every image a split"),
        ("image_id,image\n", "data.csv lists no images"),
        ("", "data.csv:1: the columns are missing"),
        ('image_id,image\n"1,a\n', "data.csv cannot be read as a CSV"),
    ],
)
def test_a_wrong_line_of_a_csv_is_named(tmp_path, text, message):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(ArgumentError) as caught:
        find_sample_files(tmp_path / "data.csv")
    assert message in str(caught.value)


def test_a_folder_without_images_or_masks_is_refused(tmp_path, plain):
    with pytest.raises(ArgumentError, match="is not training data: it should be a CSV, a folder"):
        find_sample_files(tmp_path / "none")
    shutil.rmtree(plain / "masks")
    with pytest.raises(ArgumentError, match="has no human masks to finetune on"):
        listed(plain, "finetune")


def test_a_csv_may_have_names_that_are_not_text(tmp_path):
    (tmp_path / "data.csv").write_bytes(b"image_id,image\ncaf\xe9,caf\xe9.png\n7,\xff\xfe.png\n")
    files = find_sample_files(tmp_path / "data.csv")
    assert files.images == {
        NOT_TEXT[0]: tmp_path / f"{NOT_TEXT[0]}.png",
        "00007": tmp_path / f"{NOT_TEXT[1]}.png",
    }
    (tmp_path / "data.csv").write_bytes("image_id,image\n7,a.png\n".encode("utf-16"))
    with pytest.raises(ArgumentError, match="cannot be read as a CSV: it is not text in UTF-8"):
        find_sample_files(tmp_path / "data.csv")
