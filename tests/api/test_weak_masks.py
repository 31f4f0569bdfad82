"""Weak masks of one photograph, in memory or on disk, beside what `build-weak` writes."""

import shutil

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError, ImageError, ParsingError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from tests.helpers.array_forms import array_forms
from tests.helpers.commands import run
from tests.helpers.files import files_of
from tests.helpers.formulas import reference_map
from tests.helpers.pictures import gray_pixels, pixels
from tests.helpers.weak_masks import expected_mask


def written(out, image_id):
    return gray_pixels(out / f"{int(image_id) // 1000 * 1000:05d}" / f"{image_id}.png")


@pytest.mark.parametrize("recipe", ["paper", "released"])
def test_a_texture_map_follows_its_formula(astronaut, recipe):
    image = astronaut[100:180, 200:270]
    expected = reference_map(image, recipe)
    assert_array_equal(fw.texture_map(image, recipe=recipe), expected)
    expected = reference_map(image, recipe, kernel_size=9, sigma=2.0)
    assert_array_equal(fw.texture_map(image, kernel_size=9, sigma=2.0, recipe=recipe), expected)


def test_the_face_mesh_gives_what_build_weak_writes_of_a_path_and_of_an_array(dataset, tmp_path):
    report = fw.build_weak(dataset.root, tmp_path / "out", parser="mesh", jobs=2)
    assert (report.images, report.made, report.failed) == (6, 6, 0)
    for image_id in dataset.ids:
        path = dataset.image_path(image_id)
        expected = written(tmp_path / "out", image_id)
        texture = reference_map(pixels(path), "paper")
        assert_array_equal(expected, texture * (expected > 0))
        assert expected.max() > 100  # the lines on the forehead
        for photo in (path, str(path), pixels(path)):
            weak = fw.weak_mask(photo, parser="mesh")
            assert weak.dtype == np.uint8
            assert_array_equal(weak, expected)


def test_ready_labels_give_the_formula_inside_skin_and_nose(dataset, tmp_path):
    fw.build_weak(dataset.images, tmp_path / "out", parser="labels")
    parser = ReadyLabels(dataset.labels)
    for image_id in dataset.ids:
        expected = expected_mask(dataset, image_id)
        assert_array_equal(written(tmp_path / "out", image_id), expected)
        assert_array_equal(fw.weak_mask(dataset.image_path(image_id), parser=parser), expected)


def test_an_array_has_no_name_and_takes_the_label_map_of_photo(dataset):
    shutil.copy(dataset.labels / "00999.npy", dataset.labels / "photo.npy")
    image = pixels(dataset.image_path("00999"))
    weak = fw.weak_mask(image, parser=ReadyLabels(dataset.labels))
    assert_array_equal(weak, expected_mask(dataset, "00999"))


def test_settings_of_the_texture_map_are_those_of_build_weak(dataset, tmp_path):
    parser = ReadyLabels(dataset.labels)
    path = dataset.image_path("00001")
    settings = {"recipe": "released", "kernel_size": 11, "sigma": 2.5}
    expected = expected_mask(dataset, "00001", **settings)
    assert_array_equal(fw.weak_mask(path, parser=parser, **settings), expected)
    fw.build_weak(dataset.root, tmp_path / "out", parser="labels", ids="1", **settings)
    assert_array_equal(written(tmp_path / "out", "00001"), expected)
    # 128 / 1024 of 21 and 5: the half width 10 / 8 rounds to 1
    expected = expected_mask(dataset, "00001", kernel_size=3, sigma=0.625)
    assert_array_equal(fw.weak_mask(path, parser=parser, scale_to_image=True), expected)


def test_a_face_mask_takes_the_place_of_a_parser(astronaut):
    image = astronaut[:90, 180:300]
    face = cv2.circle(np.zeros(image.shape[:2], np.uint8), (60, 45), 30, 1, cv2.FILLED) > 0
    weak = fw.weak_mask(image, face_mask=face, parser="no parser of this name")
    assert_array_equal(weak, reference_map(image, "paper") * face)
    assert not fw.weak_mask(image, face_mask=np.zeros_like(face)).any()


def test_the_command_writes_the_same_files(dataset, tmp_path):
    options = {"recipe": "released", "ids": ["0-2", "1001"], "limit": 3}
    report = fw.build_weak(
        str(dataset.root), str(tmp_path / "one"), parser="mesh",
        save_face_masks=tmp_path / "one" / "faces", **options,
    )  # fmt: skip
    said = run(
        "build-weak", dataset.root, tmp_path / "two", "--parser", "mesh", "--recipe",
        "released", "--ids", "0-2,1001", "--limit", 3, "--save-face-masks",
        tmp_path / "two" / "faces",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    assert report.summary() in said.stdout
    files = files_of(tmp_path / "one")
    assert len([name for name in files if name.endswith(".png")]) == 6
    assert files == files_of(tmp_path / "two")


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((20, 20), np.uint8), np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3), np.float32), np.zeros((0, 20, 3), np.uint8), np.zeros(9, np.uint8),
    ],
    ids=lambda image: f"{image.dtype}{list(image.shape)}",
)  # fmt: skip
@pytest.mark.parametrize(
    "compute",
    [
        fw.texture_map,
        lambda image: fw.weak_mask(image, parser="mesh"),
        lambda image: fw.weak_mask(image, face_mask=np.ones((20, 20), bool)),
    ],
    ids=["texture_map", "weak_mask", "weak_mask of a face mask"],
)
def test_what_is_not_an_rgb_image_is_refused(image, compute):
    with pytest.raises(ArgumentError, match=r"should be uint8 \(H, W, 3\), is .*\)$"):
        compute(image)


def test_errors_are_the_package_s_and_one_line_long(dataset):
    path, parser = dataset.image_path("00001"), ReadyLabels(dataset.labels)
    blank = np.zeros((512, 512), np.uint8)
    np.save(dataset.labels / "00000.npy", blank)
    (dataset.labels / "00002.npy").unlink()
    for call, kind, words in (
        (lambda: fw.weak_mask(path.with_name("none.png")), ImageError, "none.png: no such file"),
        (lambda: fw.weak_mask(path, parser="dlib"), ArgumentError, "parser is 'dlib'; choose one"),
        (lambda: fw.weak_mask(path, parser=parser, recipe="other"), ArgumentError, "'other'"),
        (lambda: fw.weak_mask(path, parser=parser, kernel_size=20), ArgumentError, "size is 20;"),
        (lambda: fw.weak_mask(path, parser=parser, sigma=0), ArgumentError, "sigma is 0;"),
        (lambda: fw.weak_mask(path, face_mask=blank), ArgumentError, "should be bool (128, 128)"),
        (
            lambda: fw.weak_mask(dataset.image_path("00000"), parser=parser),
            ParsingError,
            "no face found: the label map has neither skin nor nose",
        ),
        (
            lambda: fw.weak_mask(dataset.image_path("00002"), parser=parser),
            ParsingError,
            "has no label map 00002.npy or 00002.png",
        ),
        (
            lambda: fw.weak_mask(np.full((99, 99, 3), 90, np.uint8), parser="mesh"),
            ParsingError,
            "no face found",
        ),
    ):
        with pytest.raises(kind) as error:
            call()
        assert words in str(error.value)
        assert "\n" not in str(error.value)


def test_photographs_and_face_masks_of_any_form_in_memory_follow_the_formula(astronaut):
    image = astronaut[100:160, 200:250]
    face = np.zeros(image.shape[:2], bool)
    face[10:40, 5:30] = True
    expected = reference_map(image, "paper")
    for array in array_forms(image):
        assert_array_equal(fw.texture_map(array), expected)
        assert_array_equal(fw.weak_mask(array, face_mask=face), expected * face)
    for array in array_forms(face):
        assert_array_equal(fw.weak_mask(image, face_mask=array), expected * face)


def test_the_face_mesh_finds_the_face_in_photographs_of_any_form_in_memory(dataset):
    image = pixels(dataset.image_path("00000"))
    expected = fw.weak_mask(dataset.image_path("00000"), parser="mesh")
    for array in array_forms(image):
        assert_array_equal(fw.weak_mask(array, parser="mesh"), expected)
