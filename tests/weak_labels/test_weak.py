import json
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError, OutputError
from ffhq_wrinkle.faces.labels import FaceParser
from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.inference.gpu_images import GpuBatch, on_device
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak, build_weak_of
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.files import files_of
from tests.helpers.weak_masks import build, pixels


def expected_mask(dataset, image_id, kernel_size=21, sigma=5.0):
    """Eq. 1 inside skin and nose, by OpenCV and NumPy alone."""
    gray = cv2.cvtColor(cv2.imread(str(dataset.image_path(image_id))), cv2.COLOR_BGR2GRAY)
    gray = gray.astype(np.float64)
    filtered = cv2.GaussianBlur(gray, (kernel_size, kernel_size), sigma)
    texture = np.clip(np.rint((1 - gray / (1 + filtered)) * 255), 0, 255)
    face = np.isin(np.load(dataset.labels / f"{image_id}.npy"), (1, 10)).astype(np.uint8)
    face = cv2.resize(face, gray.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return texture * face


def rows(out):
    return (out / "failures.csv").read_text().splitlines()[1:]


def test_the_weak_masks_are_masked_texture_maps_in_the_released_layout(dataset, tmp_path):
    report = build(dataset, tmp_path / "out", jobs=2)
    assert (report.images, report.made, report.kept, report.failed) == (6, 6, 0, 0)
    for image_id in dataset.ids:
        shard = f"{int(image_id) // 1000 * 1000:05d}"
        found = pixels(tmp_path / "out" / shard / f"{image_id}.png")
        assert found.max() > 20  # the lines on the forehead
        assert_array_equal(found, expected_mask(dataset, image_id))


def test_the_record_says_what_was_done(dataset, tmp_path):
    build(dataset, tmp_path / "out", texture=TextureSettings(recipe="released"))
    record = json.loads((tmp_path / "out" / "build.json").read_text())
    assert record["command"] == "build-weak"
    assert record["counts"] == {"results": 6, "failed": 0}
    assert record["settings"] == {
        "recipe": "released",
        "kernel_size": 21,
        "sigma": 5.0,
        "scale_to_image": False,
        "parser": "labels",
        "parser_note": "ready label maps, face_parsed_labels",
        "weights_sha256": None,
        "labels": str(dataset.labels),
    }


def test_the_record_counts_what_is_there_not_what_the_last_run_did(dataset, tmp_path):
    dataset.image_path("00002").write_text("not an image")
    for ids in ("0-2", "999-1001"):
        build(dataset, tmp_path / "out", ids=parse_ids(ids))
    record = json.loads((tmp_path / "out" / "build.json").read_text())
    assert record["counts"] == {"results": 5, "failed": 1}


def test_by_products_are_what_finetuning_needs(dataset, tmp_path):
    folders = {name: tmp_path / name for name in ("labels", "face_masks", "masked_images")}
    build(dataset, tmp_path / "out", by_products=ByProducts(**folders))
    for image_id in dataset.ids:
        labels = np.load(folders["labels"] / f"{image_id}.npy")
        assert_array_equal(labels, np.load(dataset.labels / f"{image_id}.npy"))
        face = pixels(folders["face_masks"] / f"{image_id}.png")
        assert set(np.unique(face)) == {0, 255}
        image = np.asarray(Image.open(dataset.image_path(image_id)))
        with Image.open(folders["masked_images"] / f"{image_id}.png") as masked:
            assert_array_equal(np.asarray(masked), image * (face[:, :, None] > 0))
    for folder in folders.values():
        assert json.loads((folder / "build.json").read_text())["settings"]["parser"] == "labels"


def test_images_that_lie_anywhere_have_the_same_masks(dataset, tmp_path):
    parser = ReadyLabels(dataset.labels)
    (tmp_path / "elsewhere").mkdir()
    moved = dataset.image_path("00001").rename(tmp_path / "elsewhere" / "face.dat")
    images = {"00001": moved, "00999": dataset.image_path("00999")}
    report = build_weak_of(images, tmp_path / "out", parser=parser)
    assert (report.images, report.made) == (2, 2)
    moved.rename(dataset.image_path("00001"))
    for place in ("00000/00001.png", "00000/00999.png"):
        expected = expected_mask(dataset, Path(place).stem)
        assert_array_equal(pixels(tmp_path / "out" / place), expected)
    images["00002"] = tmp_path / "none.png"
    assert build_weak_of(images, tmp_path / "out", parser=parser).kept == 2
    assert rows(tmp_path / "out") == ["00002.png,read,no such file"]


def test_saved_label_maps_give_the_same_masks_again(dataset, tmp_path):
    build(dataset, tmp_path / "one", by_products=ByProducts(labels=tmp_path / "labels"))
    build(dataset, tmp_path / "two", parser=ReadyLabels(tmp_path / "labels"))
    for path in (tmp_path / "one").rglob("*.png"):
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert_array_equal(pixels(path), pixels(twin))


def test_by_products_asked_for_later_are_made_later(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    before = files_of(tmp_path / "out")
    report = build(dataset, tmp_path / "out", by_products=ByProducts(labels=tmp_path / "labels"))
    assert report.made == 6
    assert len(list((tmp_path / "labels").glob("*.npy"))) == 6
    assert files_of(tmp_path / "out") == before


def test_a_run_that_is_refused_changes_nothing(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "00001.npy").write_bytes(b"somebody else's")
    before = files_of(tmp_path)
    with pytest.raises(OutputError, match="did not make"):
        build(dataset, tmp_path / "out", by_products=ByProducts(labels=tmp_path / "labels"))
    assert files_of(tmp_path) == before


def test_kernel_and_sigma_can_follow_the_size_of_the_image(dataset, tmp_path):
    texture = TextureSettings(scale_to_image=True)
    build(dataset, tmp_path / "out", texture=texture)
    # 128 / 1024 of 21 and 5: half width 10 / 8 rounds to 1
    expected = expected_mask(dataset, "00001", kernel_size=3, sigma=0.625)
    assert_array_equal(pixels(tmp_path / "out/00000/00001.png"), expected)


def test_ids_and_limit_choose_images(dataset, tmp_path):
    report = build(dataset, tmp_path / "out", ids=parse_ids("1-999"), limit=2)
    assert sorted(path.stem for path in (tmp_path / "out").rglob("*.png")) == ["00001", "00002"]
    assert report.made == 2
    report = build(dataset, tmp_path / "out", ids=parse_ids("0-2,1001"))
    assert (report.made, report.kept) == (2, 2)


def test_an_id_that_is_not_there_is_a_failure(dataset, tmp_path):
    report = build(dataset, tmp_path / "out", ids=parse_ids("1,5"))
    assert (report.images, report.made, report.failed) == (2, 1, 1)
    assert rows(tmp_path / "out") == ["00000/00005.png,find,no image of this id"]


def test_any_name_and_kind_of_image_will_do(dataset, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    image = Image.open(dataset.image_path("00001"))
    labels = np.load(dataset.labels / "00001.npy")
    for name in ("Anna B..bmp", "0000102.tiff", "Zoë.webp", "00003.PNG"):
        image.save(photos / name, **({"lossless": True} if name.endswith("webp") else {}))
        np.save(dataset.labels / f"{name.rpartition('.')[0]}.npy", labels)
    build_weak(photos, tmp_path / "out", parser=ReadyLabels(dataset.labels))
    found = {path for path in files_of(tmp_path / "out") if path.endswith("png")}
    assert found == {"Anna B..png", "0000102.png", "Zoë.png", "00000/00003.png"}
    for path in found:
        assert_array_equal(pixels(tmp_path / "out" / path), expected_mask(dataset, "00001"))


def spoil(dataset):
    """Five images that can not be done, each in its own way."""
    content = dataset.image_path("00001").read_bytes()
    dataset.image_path("00001").write_bytes(content[: len(content) // 2])
    dataset.image_path("00002").write_text("not an image")
    (dataset.labels / "00999.npy").unlink()
    np.save(dataset.labels / "01000.npy", np.zeros((4, 4), np.uint8))


def test_what_can_not_be_done_is_listed_and_the_rest_is_done(dataset, tmp_path):
    spoil(dataset)
    report = build(dataset, tmp_path / "out", jobs=2)
    assert (report.made, report.failed) == (2, 4)
    steps = [row.split(",")[:2] for row in rows(tmp_path / "out")]
    assert steps == [
        ["00000/00001.png", "read"],
        ["00000/00002.png", "read"],
        ["00000/00999.png", "parse"],
        ["01000/01000.png", "parse"],
    ]
    done = {path.stem for path in (tmp_path / "out").rglob("*.png")}
    assert done == {"00000", "01001"}


def test_failed_images_are_tried_again_and_their_rows_go(dataset, make_dataset, tmp_path):
    spoil(dataset)
    build(dataset, tmp_path / "out")
    whole = make_dataset([1, 2, 999, 1000])
    for image_id in whole.ids:
        dataset.image_path(image_id).write_bytes(whole.image_path(image_id).read_bytes())
        content = (whole.labels / f"{image_id}.npy").read_bytes()
        (dataset.labels / f"{image_id}.npy").write_bytes(content)
    report = build(dataset, tmp_path / "out")
    assert (report.made, report.kept, report.failed) == (4, 2, 0)
    assert not (tmp_path / "out" / "failures.csv").exists()


def test_other_settings_or_another_parser_are_refused(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    with pytest.raises(OutputError, match=r"sigma 5.0 there and 7.0 now"):
        build(dataset, tmp_path / "out", texture=TextureSettings(sigma=7.0))
    other = tmp_path / "other" / "face_parsed_labels"
    other.mkdir(parents=True)
    with pytest.raises(OutputError, match=f"labels {dataset.labels} there and {other} now"):
        build(dataset, tmp_path / "out", parser=ReadyLabels(other))
    report = build(dataset, tmp_path / "out", texture=TextureSettings(sigma=7.0), overwrite=True)
    assert report.made == 6
    found = pixels(tmp_path / "out/00000/00001.png")
    assert_array_equal(found, expected_mask(dataset, "00001", sigma=7.0))


def test_photographs_are_never_overwritten(dataset, tmp_path):
    before = files_of(dataset.root)
    shard = dataset.images / "00000"
    for images, out in (
        (dataset.images, dataset.images),
        (shard, dataset.images),  # would write 00000/00001.png
        (dataset.root, dataset.images),
        (dataset.images, dataset.labels),
        (dataset.images, shard),
    ):
        with pytest.raises(ArgumentError, match="overlap"):
            build_weak(images, out, parser=ReadyLabels(dataset.labels), overwrite=True)
    with pytest.raises(ArgumentError, match="overlap"):
        build(dataset, tmp_path / "o", by_products=ByProducts(labels=tmp_path / "o"))
    link = tmp_path / "link"
    link.symlink_to(dataset.images)
    with pytest.raises(ArgumentError, match="overlap"):
        build(dataset, link, overwrite=True)
    assert files_of(dataset.root) == before


def test_an_image_without_any_face_is_a_failure_not_an_empty_mask(dataset, tmp_path):
    np.save(dataset.labels / "00001.npy", np.full((512, 512), 17))
    report = build(dataset, tmp_path / "out")
    assert (report.made, report.failed) == (5, 1)
    assert rows(tmp_path / "out")[0].startswith("00000/00001.png,parse,no face found")
    assert not (tmp_path / "out/00000/00001.png").exists()


def test_label_maps_that_an_overwrite_left_out_are_made_again(dataset, tmp_path):
    others = tmp_path / "others"
    others.mkdir()
    for image_id in dataset.ids:
        np.save(others / f"{image_id}.npy", np.ones((512, 512), np.uint8))
    kept = ByProducts(labels=tmp_path / "labels")
    build(dataset, tmp_path / "out", by_products=kept)
    parser = ReadyLabels(others)
    ids = parse_ids("0")
    build(dataset, tmp_path / "out", parser=parser, by_products=kept, overwrite=True, ids=ids)
    build(dataset, tmp_path / "out", parser=parser, by_products=kept)
    for image_id in dataset.ids:
        assert (np.load(tmp_path / "labels" / f"{image_id}.npy") == 1).all()
    assert not (tmp_path / "labels" / ".build.json.under-way").exists()


def test_a_label_folder_of_any_name_can_be_taken_up_again(dataset, tmp_path):
    labels = dataset.labels.rename(tmp_path / "метки")
    build(dataset, tmp_path / "out", parser=ReadyLabels(labels), limit=2)
    (tmp_path / "out" / "build.json").rename(tmp_path / "out" / ".build.json.under-way")
    report = build(dataset, tmp_path / "out", parser=ReadyLabels(labels))
    assert (report.made, report.kept) == (4, 2)


def test_by_products_may_lie_in_the_folder_of_results(dataset, tmp_path):
    out = tmp_path / "out"
    kept = ByProducts(face_masks=out / "faces", masked_images=out / "masked")
    for _ in range(2):
        build(dataset, out, by_products=kept, overwrite=True)
        record = json.loads((out / "build.json").read_text())
        assert record["counts"] == {"results": 6, "failed": 0}
        assert not (out / ".build.json.under-way").exists()


def test_the_longest_file_name_is_no_problem(dataset, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    name = "n" * 251
    (photos / f"{name}.png").write_bytes(dataset.image_path("00001").read_bytes())
    np.save(dataset.labels / f"{name}.npy", np.load(dataset.labels / "00001.npy"))
    build_weak(photos, tmp_path / "out", parser=ReadyLabels(dataset.labels))
    assert_array_equal(pixels(tmp_path / f"out/{name}.png"), expected_mask(dataset, "00001"))


def test_label_maps_that_hurt_are_their_image_s_failures(dataset, tmp_path):
    np.savez(tmp_path / "archive.npz", a=np.zeros(3))
    (tmp_path / "archive.npz").rename(dataset.labels / "00000.npy")
    header = b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((   "
    (dataset.labels / "00001.npy").write_bytes(header)
    for image_id in ("00002", "00999"):
        (dataset.labels / f"{image_id}.npy").unlink()
    os.mkfifo(dataset.labels / "00002.npy")
    bomb = struct.pack(">II", 60000, 60000) + b"\x08\x00\x00\x00\x00"
    chunk = b"IHDR" + bomb
    (dataset.labels / "00999.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    report = build(dataset, tmp_path / "out")
    assert (report.made, report.failed) == (2, 4)
    assert [row.split(",")[1] for row in rows(tmp_path / "out")] == ["parse"] * 4


class Batches(FaceParser):
    """All skin, in batches of four; remembers how large they were."""

    name = note = "batches"
    batch_size = 4

    def __init__(self):
        self.sizes = []

    def prepare(self, image, image_id):
        return image[:1, :1, 0]

    def label_maps(self, prepared):
        self.sizes.append(len(prepared))
        return [np.ones((512, 512), np.uint8) for _ in prepared]


class StaysOnGpu(ReadyLabels):
    """Has batches of four where a GPU would have them, which here is the CPU; counts them."""

    batch_size = 4

    def __init__(self, folder):
        super().__init__(folder)
        self.batches = []

    def prepare(self, image, image_id):
        return image, super().prepare(image, image_id)

    def label_maps(self, prepared):
        return [label_map for _, label_map in prepared]

    def on_gpu(self, prepared):
        self.batches.append(len(prepared))
        filled = [*prepared, *[prepared[-1]] * (4 - len(prepared))]
        images, label_maps = (
            on_device(part, torch.device("cpu")) for part in zip(*filled, strict=True)
        )
        return GpuBatch(images, label_maps, len(prepared))


@pytest.mark.parametrize("recipe", ["paper", "released"])
def test_what_is_computed_where_a_batch_was_parsed_is_the_same(make_dataset, tmp_path, recipe):
    dataset = make_dataset(range(6), side=128)
    np.save(dataset.labels / "00005.npy", np.zeros((512, 512), np.uint8))
    texture = TextureSettings(recipe=recipe, scale_to_image=True)
    made = {}
    for name, parser in (
        ("here", ReadyLabels(dataset.labels)),
        ("there", StaysOnGpu(dataset.labels)),
    ):
        folders = {kind: tmp_path / name / kind for kind in ("face_masks", "masked_images")}
        report = build(
            dataset,
            tmp_path / name / "weak",
            parser=parser,
            texture=texture,
            by_products=ByProducts(**folders),
            jobs=2,
        )
        assert (report.made, report.failed) == (5, 1)
        made[name] = files_of(tmp_path / name)
    assert parser.batches == [4, 2]
    assert {path for path in made["here"] if path.endswith(".png")} >= {
        "weak/00000/00004.png", "masked_images/00004.png", "face_masks/00004.png",
    }  # fmt: skip
    assert made["there"] == made["here"]


def test_label_maps_that_are_kept_are_those_of_the_parser(make_dataset, tmp_path):
    dataset = make_dataset(range(3), side=64)
    parser = StaysOnGpu(dataset.labels)
    build(
        dataset, tmp_path / "out", parser=parser, by_products=ByProducts(labels=tmp_path / "kept")
    )
    assert parser.batches == []
    kept = list((tmp_path / "kept").glob("*.npy"))
    assert len(kept) == 3
    for path in kept:
        assert_array_equal(np.load(path), np.load(dataset.labels / path.name))


def test_parsers_see_full_batches_even_after_failures(make_dataset, tmp_path):
    dataset = make_dataset(range(14), side=32)
    dataset.image_path("00002").write_text("not an image")
    parser = Batches()
    report = build(dataset, tmp_path / "out", parser=parser, jobs=3)
    assert report.made == 13
    assert parser.sizes == [4, 4, 4, 1]
