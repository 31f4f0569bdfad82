import json
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak, build_weak_of
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.files import files_of
from tests.helpers.pictures import gray_pixels
from tests.helpers.weak_masks import build, expected_mask, rows


def test_the_weak_masks_are_masked_texture_maps_in_the_released_layout(dataset, tmp_path):
    report = build(dataset, tmp_path / "out", jobs=2)
    assert (report.images, report.made, report.kept, report.failed) == (6, 6, 0, 0)
    for image_id in dataset.ids:
        shard = f"{int(image_id) // 1000 * 1000:05d}"
        weak_mask = gray_pixels(tmp_path / "out" / shard / f"{image_id}.png")
        assert weak_mask.max() > 20  # the lines on the forehead
        assert_array_equal(weak_mask, expected_mask(dataset, image_id))


def test_the_record_describes_the_run(dataset, tmp_path):
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


def test_the_record_counts_all_results_not_only_those_of_the_last_run(dataset, tmp_path):
    dataset.image_path("00002").write_text("not an image")
    for ids in ("0-2", "999-1001"):
        build(dataset, tmp_path / "out", ids=parse_ids(ids))
    record = json.loads((tmp_path / "out" / "build.json").read_text())
    assert record["counts"] == {"results": 5, "failed": 1}


def test_finetuning_can_read_the_by_products(dataset, tmp_path):
    folders = {name: tmp_path / name for name in ("labels", "face_masks", "masked_images")}
    build(dataset, tmp_path / "out", by_products=ByProducts(**folders))
    for image_id in dataset.ids:
        labels = np.load(folders["labels"] / f"{image_id}.npy")
        assert_array_equal(labels, np.load(dataset.labels / f"{image_id}.npy"))
        face = gray_pixels(folders["face_masks"] / f"{image_id}.png")
        assert set(np.unique(face)) == {0, 255}
        image = np.asarray(Image.open(dataset.image_path(image_id)))
        with Image.open(folders["masked_images"] / f"{image_id}.png") as masked:
            assert_array_equal(np.asarray(masked), image * (face[:, :, None] > 0))
    for folder in folders.values():
        assert json.loads((folder / "build.json").read_text())["settings"]["parser"] == "labels"


def test_images_in_any_folder_have_the_same_masks(dataset, tmp_path):
    parser = ReadyLabels(dataset.labels)
    (tmp_path / "elsewhere").mkdir()
    moved = dataset.image_path("00001").rename(tmp_path / "elsewhere" / "face.dat")
    images = {"00001": moved, "00999": dataset.image_path("00999")}
    report = build_weak_of(images, tmp_path / "out", parser=parser)
    assert (report.images, report.made) == (2, 2)
    moved.rename(dataset.image_path("00001"))
    for place in ("00000/00001.png", "00000/00999.png"):
        expected = expected_mask(dataset, Path(place).stem)
        assert_array_equal(gray_pixels(tmp_path / "out" / place), expected)
    images["00002"] = tmp_path / "none.png"
    assert build_weak_of(images, tmp_path / "out", parser=parser).kept == 2
    assert rows(tmp_path / "out") == ["00002.png,read,no such file"]


def test_saved_label_maps_give_the_same_masks_again(dataset, tmp_path):
    build(dataset, tmp_path / "one", by_products=ByProducts(labels=tmp_path / "labels"))
    build(dataset, tmp_path / "two", parser=ReadyLabels(tmp_path / "labels"))
    for path in (tmp_path / "one").rglob("*.png"):
        twin = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert_array_equal(gray_pixels(path), gray_pixels(twin))


def test_by_products_asked_for_later_are_made_later(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    before = files_of(tmp_path / "out")
    report = build(dataset, tmp_path / "out", by_products=ByProducts(labels=tmp_path / "labels"))
    assert report.made == 6
    assert len(list((tmp_path / "labels").glob("*.npy"))) == 6
    assert files_of(tmp_path / "out") == before


def test_kernel_and_sigma_can_follow_the_size_of_the_image(dataset, tmp_path):
    texture = TextureSettings(scale_to_image=True)
    build(dataset, tmp_path / "out", texture=texture)
    # 128 / 1024 of 21 and 5: half width 10 / 8 rounds to 1
    expected = expected_mask(dataset, "00001", kernel_size=3, sigma=0.625)
    assert_array_equal(gray_pixels(tmp_path / "out/00000/00001.png"), expected)


def test_ids_and_limit_choose_images(dataset, tmp_path):
    report = build(dataset, tmp_path / "out", ids=parse_ids("1-999"), limit=2)
    assert sorted(path.stem for path in (tmp_path / "out").rglob("*.png")) == ["00001", "00002"]
    assert report.made == 2
    report = build(dataset, tmp_path / "out", ids=parse_ids("0-2,1001"))
    assert (report.made, report.kept) == (2, 2)


def test_any_name_and_kind_of_image_will_do(dataset, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    image = Image.open(dataset.image_path("00001"))
    labels = np.load(dataset.labels / "00001.npy")
    for name in ("Anna B..bmp", "0000102.tiff", "Zoë.webp", "00003.PNG"):
        image.save(photos / name, **({"lossless": True} if name.endswith("webp") else {}))
        np.save(dataset.labels / f"{name.rpartition('.')[0]}.npy", labels)
    build_weak(photos, tmp_path / "out", parser=ReadyLabels(dataset.labels))
    written = {path for path in files_of(tmp_path / "out") if path.endswith("png")}
    assert written == {"Anna B..png", "0000102.png", "Zoë.png", "00000/00003.png"}
    for path in written:
        assert_array_equal(gray_pixels(tmp_path / "out" / path), expected_mask(dataset, "00001"))


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


def test_a_run_with_a_label_folder_of_any_name_can_be_resumed(dataset, tmp_path):
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


def test_the_longest_file_name_is_accepted(dataset, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    name = "n" * 251
    (photos / f"{name}.png").write_bytes(dataset.image_path("00001").read_bytes())
    np.save(dataset.labels / f"{name}.npy", np.load(dataset.labels / "00001.npy"))
    build_weak(photos, tmp_path / "out", parser=ReadyLabels(dataset.labels))
    assert_array_equal(gray_pixels(tmp_path / f"out/{name}.png"), expected_mask(dataset, "00001"))
