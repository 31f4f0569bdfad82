import hashlib
import subprocess
import sys
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.augmentation.augmentation import (
    AugmentSettings,
    FaceArrays,
    augmented,
    drawn_distortion,
    sample_generator,
    sampling_grid,
)
from ffhq_wrinkle.segmentation.augmentation.distortion import Distortion
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.odd_names import NOT_TEXT

NONE = AugmentSettings.none()
ALL = AugmentSettings(hflip_p=1, scaling_p=1, affine_p=1, elastic_p=1, grid_p=1, optical_p=1)
SIX = ["hflip", "scaling", "affine", "elastic", "grid", "optical"]
SQUARE = (256, 256)


def rng(number=0):
    return sample_generator(7, number, "00042")


def face_sample(side=256):
    image, labels = drawn_face(side)
    face = cv2.resize(labels, (side, side), interpolation=cv2.INTER_NEAREST) > 0
    return FaceArrays(image, drawn_lines((side, side), 5), image[:, :, 0].copy(), face)


def digest(sample):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array) for array in sample)).hexdigest()


def changed(distortion):
    """Names of what differs from no distortion."""
    values = {field.name: getattr(distortion, field.name) for field in fields(Distortion)}
    idle = {"flipped": False, "scale": 1, "shear_deg": (0, 0), "translation": (0, 0)}
    arrays = {name for name in ("elastic", "steps") if values.pop(name) is not None}
    return arrays | {name for name, value in values.items() if value != idle.get(name, 0)}


def test_a_sample_is_the_same_in_another_process():
    code = (
        "from tests.segmentation.augmentation.test_augmentation import *;"
        "import cv2, torch; cv2.setNumThreads(1);"
        "np.random.seed(5); torch.manual_seed(5);"
        "[augmented(face_sample(), ALL, rng(n)) for n in (9, 8)];"
        "print(digest(augmented(face_sample(), ALL, rng(3), crop=128)))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.strip() == digest(augmented(face_sample(), ALL, rng(3), crop=128))


def test_the_random_numbers_are_those_of_sha_256():
    text = b"7 3 00042"
    number = int(hashlib.sha256(text).hexdigest(), 16)
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(number))).random(4)
    assert_array_equal(rng(3).random(4), expected)


@pytest.mark.parametrize("other", [(8, 3, "00042"), (7, 4, "00042"), (7, 3, "00043")])
def test_seed_epoch_and_id_each_matter(other):
    assert sample_generator(*other).random() != rng(3).random()


def test_the_process_is_not_reseeded():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    augmented(face_sample(), ALL, rng())
    assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hflip", {"flipped"}),
        ("scaling", {"scale"}),
        ("affine", {"rotation_deg", "shear_deg", "translation"}),
        ("elastic", {"elastic"}),
        ("grid", {"steps"}),
        ("optical", {"optical"}),
    ],
)
def test_each_augmentation_can_be_used_alone(name, expected):
    alone = drawn_distortion(SQUARE, replace(NONE, **{f"{name}_p": 1}), rng())
    assert changed(alone) == expected
    # and turned off, with the others as they were
    others = drawn_distortion(SQUARE, replace(ALL, **{f"{name}_p": 0}), rng())
    assert changed(others) == changed(drawn_distortion(SQUARE, ALL, rng())) - expected
    together = drawn_distortion(SQUARE, ALL, rng())
    for field in changed(others) - {"elastic", "steps"}:
        assert getattr(others, field) == getattr(together, field)
    if others.elastic is not None:
        assert_array_equal(others.elastic.noise, together.elastic.noise)
    if others.steps is not None:
        assert_array_equal(others.steps, together.steps)


def test_random_values_fill_their_range():
    drawn = [drawn_distortion((64, 64), AugmentSettings(), rng(n)) for n in range(1500)]
    for name in ("flipped", "scale", "rotation_deg", "elastic", "steps", "optical"):
        share = np.mean([name in changed(one) for one in drawn])
        assert share == pytest.approx(0.5, abs=0.05)
    for values, limit in (
        ([one.scale - 1 for one in drawn], 0.1),
        ([one.rotation_deg for one in drawn], 10),
        ([one.shear_deg[0] for one in drawn], 5),
        ([one.shear_deg[1] for one in drawn], 5),
        ([one.translation[0] for one in drawn], 0.05),
        ([one.translation[1] for one in drawn], 0.05),
        ([one.optical for one in drawn], 0.05),
        (np.concatenate([one.steps for one in drawn if one.steps is not None]).ravel() - 1, 0.2),
    ):
        values = np.array(values)[np.flatnonzero(values)]
        assert 0.97 * limit < values.max() <= limit
        assert -limit <= values.min() < -0.97 * limit
        assert values.std() == pytest.approx(limit / 3**0.5, rel=0.06)  # of an even distribution


def test_nothing_drawn_leaves_every_byte():
    sample = face_sample()
    assert digest(augmented(sample, NONE, rng())) == digest(sample)


def test_strength_0_leaves_every_byte():
    idle = replace(
        ALL, hflip_p=0, scaling=0, rotation_deg=0, shear_deg=0, translation=0, elastic_alpha=0,
        grid_limit=0, optical_limit=0,
    )  # fmt: skip
    sample = face_sample()
    assert digest(augmented(sample, idle, rng())) == digest(sample)


def test_a_flip_turns_everything():
    sample = face_sample()
    flipped = augmented(sample, replace(NONE, hflip_p=1), rng())
    for found, given in zip(flipped, sample, strict=True):
        assert found.dtype == given.dtype
        assert_array_equal(found, given[:, ::-1])


def test_a_crop_is_a_part_at_random():
    image = np.zeros((60, 100, 3), np.uint8)
    image[:, :, 0], image[:, :, 1] = np.arange(60)[:, None], np.arange(100)
    corners = []
    for number in range(400):
        part = augmented(FaceArrays(image, image[:, :, 1].copy()), NONE, rng(number), crop=32)
        row, column = part.image[0, 0, :2].tolist()
        corners.append((row, column))
        assert_array_equal(part.image, image[row : row + 32, column : column + 32])
        assert_array_equal(part.target, part.image[:, :, 1])
    rows, columns = np.array(corners).T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 28, 0, 68)
    assert rows.mean() == pytest.approx(14, abs=1.5)


def test_a_crop_has_the_distortion_of_the_whole():
    grid = sampling_grid((600, 600), ALL, rng())
    part = sampling_grid((600, 600), ALL, rng(), crop=300)
    # Where it was cut out is found by its first place.
    distance = (grid.x - part.x[0, 0]) ** 2 + (grid.y - part.y[0, 0]) ** 2
    first = np.unravel_index(distance.argmin(), distance.shape)
    rows, columns = (slice(int(start), int(start) + 300) for start in first)
    for found, expected in zip(part, grid, strict=True):
        assert np.abs(found - expected[rows, columns]).max() < 0.5


@pytest.mark.parametrize("crop", [0, -1, 257])
def test_a_crop_that_does_not_fit_is_refused(crop):
    with pytest.raises(ArgumentError, match="crop"):
        augmented(face_sample(), NONE, rng(), crop=crop)


def test_masks_stay_masks_and_image_and_masks_stay_together():
    """A drawing that is the same in all four arrays stays the same in all four."""
    lines = drawn_lines((512, 512), 11, thickness=3)
    levels = lines * np.uint8(255)
    sample = FaceArrays(np.dstack([levels] * 3), lines, levels, lines)
    for number in range(5):
        image, target, texture, face = augmented(sample, ALL, rng(number))
        assert target.dtype == face.dtype == np.bool_
        assert_array_equal(target, face)
        assert_array_equal(image[:, :, 1], texture)
        # The nearest pixel has at least a quarter of a bilinear sample.
        assert texture[target].min() >= 255 // 4
        assert texture[~target].max() <= 255 - 255 // 4 + 1
        assert np.mean((texture > 127) == target) > 0.995


def test_soft_labels_stay_soft():
    target = np.tile(np.array([0, 100, 200, 100], np.uint8), (64, 16))
    soft = augmented(FaceArrays(np.zeros((64, 64, 3), np.uint8), target), ALL, rng()).target
    assert soft.dtype == np.uint8
    assert len(np.unique(soft)) > 50


def test_areas_are_kept_on_average():
    disk = np.zeros((128, 128), np.uint8)
    cv2.circle(disk, (64, 64), 30, 1, cv2.FILLED)
    sample = FaceArrays(np.zeros((128, 128, 3), np.uint8), disk.astype(bool))
    ratios = [
        augmented(sample, ALL, rng(number)).target.sum() / disk.sum() for number in range(150)
    ]
    assert np.mean(ratios) == pytest.approx(1, abs=0.04)
    assert min(ratios) > 0.5
    assert max(ratios) < 1.7


def test_no_image_is_folded():
    for number in range(10):
        grid = sampling_grid(SQUARE, replace(ALL, hflip_p=0), rng(number))
        (x_y, x_x), (y_y, y_x) = (np.gradient(places) for places in grid)
        assert (x_x * y_y - x_y * y_x).min() > 0


def test_a_sample_without_texture_and_face_gets_neither():
    image, target, _, _ = face_sample()
    found = augmented(FaceArrays(image, target), ALL, rng())
    assert found.texture is None
    assert found.face is None


def test_arrays_that_do_not_fit_together_are_refused():
    sample = face_sample()
    with pytest.raises(ArgumentError, match=r"\(5, 5\)"):
        augmented(sample._replace(face=np.ones((5, 5), bool)), ALL, rng())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hflip_p", -0.1),
        ("elastic_p", 1.1),
        ("grid_p", float("nan")),
        ("optical_p", "often"),
        ("affine_p", True),
        ("scaling", 1.0),
        ("shear_deg", 80),
        ("elastic_sigma", 0),
        ("elastic_alpha", 13),
        ("grid_steps", 2.5),
        ("grid_steps", 0),
        ("grid_limit", 1),
    ],
)
def test_settings_are_checked(setting, value):
    with pytest.raises(ArgumentError, match=setting):
        AugmentSettings(**{setting: value})


def test_whole_numbers_are_accepted_for_floats():
    assert_allclose(AugmentSettings(rotation_deg=5, elastic_p=1).rotation_deg, 5)


def test_names_that_are_not_text_have_generators_of_their_own():
    first, second = (sample_generator(7, 3, name).random() for name in NOT_TEXT)
    assert first != second
    digest = hashlib.sha256(b"7 3 caf\xe9").digest()
    seed = int.from_bytes(digest)
    assert first == np.random.default_rng(seed).random()
