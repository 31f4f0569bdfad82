"""Files that were replaced, where they or the results are in an object store."""

import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.helpers.commands import run
from tests.helpers.faces import drawn_face
from tests.helpers.pictures import gray_pixels
from tests.helpers.processes import kill, start, wait_for
from tests.helpers.weak_masks import expected_mask


def replace_photo(dataset, image_id, seed=77):
    Image.fromarray(drawn_face(128, seed=seed)[0]).save(dataset.image_path(image_id))


def replace_label_map(dataset, image_id):
    label_map = np.load(dataset.labels / f"{image_id}.npy")
    label_map[:, :256] = 0
    np.save(dataset.labels / f"{image_id}.npy", label_map)


@pytest.mark.parametrize(
    ("images_are_stored", "out_is_stored"), [(True, True), (True, False), (False, True)]
)
def test_masks_of_replaced_photographs_and_label_maps_are_made_again(
    bucket, dataset, tmp_path, images_are_stored, out_is_stored
):
    images = bucket.url("ffhq") if images_are_stored else dataset.root
    out = bucket.url("weak") if out_is_stored else tmp_path / "weak"

    def build():
        if images_are_stored:
            bucket.upload(dataset.root, "ffhq")  # again, so that all have other times
        labels = f"{images}/face_parsed_labels"
        result = run("build-weak", images, out, "--parser", "labels", "--labels", labels)
        assert result.exit_code == 0, result.output
        return result.output

    assert "6 weak masks written, 0 existed already" in build()
    assert "0 weak masks written, 6 existed already" in build()
    replace_photo(dataset, "00001")
    replace_label_map(dataset, "01000")
    assert "2 weak masks written, 4 existed already" in build()
    for name in ("00000/00001.png", "01000/01000.png"):
        path = tmp_path / "weak" / name
        if out_is_stored:
            path = tmp_path / "fetched.png"
            path.write_bytes(bucket.get(f"weak/{name}"))
        assert_array_equal(gray_pixels(path), expected_mask(dataset, name[6:11]))
    assert "0 weak masks written, 6 existed already" in build()


def test_local_images_that_were_touched_are_not_processed_again(bucket, dataset):
    options = ["--parser", "mesh"]
    run("build-weak", dataset.images, bucket.url("weak"), *options)
    os.utime(dataset.image_path("00001"), (1, 1))
    again = run("build-weak", dataset.images, bucket.url("weak"), *options)
    assert "0 weak masks written, 6 existed already" in again.output


def test_a_photograph_replaced_while_a_killed_run_lay_still_is_noticed(
    bucket, make_dataset, impatient
):
    dataset = make_dataset(range(60), side=128)
    bucket.upload(dataset.images, "images")
    command = ["build-weak", bucket.url("images"), bucket.url("weak"), "--parser", "mesh"]
    process = start(*command, "--jobs", "2")
    wait_for(lambda: len(bucket.names("weak/0")) >= 10, process)
    kill(process)
    done = bucket.names("weak/0")
    replace_photo(dataset, "00001")
    assert "weak/00000/00001.png" in done
    bucket.put("images/00000/00001.png", dataset.image_path("00001").read_bytes())
    before = bucket.get("weak/00000/00001.png")
    result = run(*command)
    assert f"{61 - len(done)} weak masks written, {len(done) - 1} existed" in result.output
    assert bucket.get("weak/00000/00001.png") != before


def test_a_replaced_photograph_is_predicted_again(bucket, dataset, checkpoint):
    bucket.upload(dataset.images, "images")
    command = ["predict", bucket.url("images"), bucket.url("out"), "--checkpoint", checkpoint]
    command += ["--parser", "mesh"]
    assert "6 predictions written" in run(*command).output
    replace_photo(dataset, "00001")
    before = bucket.get("out/masks/00001.png")
    bucket.put("images/00000/00001.png", dataset.image_path("00001").read_bytes())
    assert "1 prediction written, 5 existed already" in run(*command).output
    assert bucket.get("out/masks/00001.png") != before
