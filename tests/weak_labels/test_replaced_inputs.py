"""Weak masks whose photograph or label map has been replaced under the same name."""

import logging
import os
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.results.inputs import INPUTS
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.faces import drawn_face
from tests.helpers.files import files_of
from tests.helpers.pictures import gray_pixels, pixels
from tests.helpers.processes import kill, start, wait_for
from tests.helpers.weak_masks import build, expected_mask, rows

NEEDS_DASK = pytest.mark.skipif(not find_spec("distributed"), reason="needs the extra dask")


def replace_photo(dataset, image_id, seed=77):
    Image.fromarray(drawn_face(128, seed=seed)[0]).save(dataset.image_path(image_id))


def replace_label_map(dataset, image_id):
    """Make the left half of the face background, in a file of the same size."""
    path = dataset.labels / f"{image_id}.npy"
    size = path.stat().st_size
    label_map = np.load(path)
    label_map[:, :256] = 0
    np.save(path, label_map)
    assert path.stat().st_size == size


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def remade(before, folder):
    after = times(folder)
    assert before.keys() == after.keys()
    return sorted(name for name in after if after[name] != before[name])


def test_the_mask_of_a_replaced_photograph_is_made_again_and_no_other(dataset, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    out = tmp_path / "out"
    build(dataset, out)
    before = times(out)
    replace_photo(dataset, "00001")
    report = build(dataset, out)
    assert (report.made, report.kept) == (1, 5)
    assert "1 images are not those that" in caplog.text
    assert "such as 00001; their weak masks are made again" in caplog.text
    assert remade(before, out) == ["00001.png"]
    assert_array_equal(gray_pixels(out / "00000/00001.png"), expected_mask(dataset, "00001"))
    assert build(dataset, out).made == 0


def test_a_replaced_label_map_of_the_same_size_counts_too(dataset, tmp_path):
    out = tmp_path / "out"
    build(dataset, out)
    replace_label_map(dataset, "01000")
    assert build(dataset, out).made == 1
    assert_array_equal(gray_pixels(out / "01000/01000.png"), expected_mask(dataset, "01000"))
    assert not gray_pixels(out / "01000/01000.png")[:, :64].any()


def test_a_label_map_in_another_format_counts_too(dataset, tmp_path):
    out = tmp_path / "out"
    build(dataset, out)
    path = dataset.labels / "00002.npy"
    other = np.load(path)
    other[:256] = 0
    path.unlink()
    assert build(dataset, out).made == 0  # it is gone, and was not replaced
    Image.fromarray(other.astype(np.uint8)).save(dataset.labels / "00002.png")
    assert build(dataset, out).made == 1
    assert not gray_pixels(out / "00000/00002.png")[:64].any()


def test_by_products_are_made_again_too(dataset, tmp_path):
    folders = ByProducts(
        labels=tmp_path / "labels",
        face_masks=tmp_path / "faces",
        masked_images=tmp_path / "masked",
    )
    build(dataset, tmp_path / "out", by_products=folders)
    replace_photo(dataset, "00000")
    replace_label_map(dataset, "00001")
    assert build(dataset, tmp_path / "out", by_products=folders).made == 2
    photo, face = pixels(dataset.image_path("00000")), pixels(tmp_path / "faces/00000.png") > 0
    assert_array_equal(pixels(tmp_path / "masked/00000.png"), photo * face[:, :, None])
    label_map = np.load(dataset.labels / "00001.npy")
    assert_array_equal(np.load(tmp_path / "labels/00001.npy"), label_map)
    assert not pixels(tmp_path / "faces/00001.png")[:, :64].any()


def test_a_by_product_that_is_asked_for_later_is_of_the_new_photograph(dataset, tmp_path):
    build(dataset, tmp_path / "out")
    replace_photo(dataset, "00000")
    report = build(dataset, tmp_path / "out", by_products=ByProducts(face_masks=tmp_path / "f"))
    assert report.made == 6
    assert_array_equal(
        gray_pixels(tmp_path / "out/00000/00000.png"), expected_mask(dataset, "00000")
    )


def test_a_data_set_that_was_copied_or_touched_is_not_processed_again(
    dataset, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    build(dataset, out)
    before = times(out)
    shutil.copytree(dataset.root, tmp_path / "copy", copy_function=shutil.copyfile)
    for folder in (dataset.images, dataset.labels):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "copy" / folder.name, folder, copy_function=shutil.copyfile)
    os.utime(dataset.image_path("00002"), (1, 1))
    assert build(dataset, out).made == 0
    assert times(out) == before

    def never(inputs):
        raise AssertionError(f"{inputs} are read again")

    monkeypatch.setattr("ffhq_wrinkle.runs.changed_inputs.sha256_of_inputs", never)
    assert build(dataset, out).made == 0  # and the new times are known from then on


def test_a_photograph_replaced_by_a_damaged_one_leaves_no_mask_of_the_old_one(dataset, tmp_path):
    out = tmp_path / "out"
    build(dataset, out)
    dataset.image_path("00001").write_bytes(b"cut short")
    report = build(dataset, out)
    assert (report.made, report.kept, report.failed) == (0, 5, 1)
    assert not (out / "00000/00001.png").exists()
    assert len(rows(out)) == 1
    replace_photo(dataset, "00001")
    assert build(dataset, out).made == 1
    assert_array_equal(gray_pixels(out / "00000/00001.png"), expected_mask(dataset, "00001"))


def test_only_chosen_images_are_looked_at(dataset, tmp_path):
    out = tmp_path / "out"
    build(dataset, out)
    for image_id in ("00000", "01001"):
        replace_photo(dataset, image_id)
    assert build(dataset, out, limit=2).made == 1
    assert build(dataset, out).made == 1


def test_a_replaced_photograph_is_noticed_after_an_overwrite_too(dataset, tmp_path):
    out = tmp_path / "out"
    build(dataset, out)
    replace_photo(dataset, "00000", seed=5)
    build(dataset, out, overwrite=True)
    assert build(dataset, out).made == 0
    replace_photo(dataset, "00000", seed=6)
    assert build(dataset, out).made == 1


def test_results_of_versions_that_recorded_no_inputs_are_kept_and_watched_from_then_on(
    dataset, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    out = tmp_path / "out"
    build(dataset, out)
    (out / INPUTS).unlink()
    before = times(out)
    assert build(dataset, out).made == 0
    assert "6 weak masks were made when input files were not recorded" in caplog.text
    caplog.clear()
    assert build(dataset, out).made == 0
    assert "not recorded" not in caplog.text
    replace_photo(dataset, "00001")
    assert build(dataset, out).made == 1
    assert remade(before, out) == ["00001.png"]


def test_photographs_replaced_while_a_killed_run_lay_still_are_noticed(make_dataset, tmp_path):
    dataset = make_dataset(range(60), side=128)
    out, straight = tmp_path / "out", tmp_path / "straight"
    process = start("build-weak", dataset.images, out, "--parser", "labels", "--jobs", 2)
    wait_for(lambda: len(list(out.glob("0*/*.png"))) >= 20, process)
    kill(process)
    made = sorted(path.stem for path in out.glob("0*/*.png"))
    for image_id in (made[0], made[-1]):
        replace_photo(dataset, image_id)
    replace_label_map(dataset, made[1])
    report = build(dataset, out)
    assert report.kept == len(made) - 3
    build(dataset, straight)
    assert files_of(out) == files_of(straight)
    assert (out / INPUTS).read_bytes() == (straight / INPUTS).read_bytes()
    assert not list(out.glob(".*inputs*"))


@NEEDS_DASK
def test_workers_of_a_cluster_make_them_again_too(dataset, tmp_path):
    out, straight = tmp_path / "out", tmp_path / "straight"
    build(dataset, out, scheduler="local:1")
    replace_photo(dataset, "00001")
    assert build(dataset, out, scheduler="local:1").made == 1
    assert_array_equal(gray_pixels(out / "00000/00001.png"), expected_mask(dataset, "00001"))
    build(dataset, straight)
    assert (out / INPUTS).read_bytes() == (straight / INPUTS).read_bytes()
