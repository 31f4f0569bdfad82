"""Which settings weak masks of unknown origin were made with."""

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.recognition import recognised, recognised_files
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.formulas import DIFFERENCE, reference_map


@pytest.fixture
def third(monkeypatch):
    monkeypatch.setitem(FORMULAS, DIFFERENCE.name, DIFFERENCE)


def face_and_mask(recipe, *, side=128, seed=0, **kernel):
    """A drawn face, and its weak mask by the definition of the formula."""
    image, label_map = drawn_face(side, seed=seed)
    rows = np.arange(side) * 512 // side
    face = np.isin(label_map[rows[:, None], rows], (1, 10))
    return image, (reference_map(image, recipe, **kernel) * face).astype(np.uint8)


@pytest.mark.parametrize("recipe", ["paper", "released", "difference"])
def test_each_formula_is_recognised_by_a_mask(third, recipe):
    image, mask = face_and_mask(recipe)
    assert recognised(mask, image) == TextureSettings(recipe=recipe)
    whole = reference_map(image, recipe).astype(np.uint8)
    assert recognised(whole, image) == TextureSettings(recipe=recipe)


@pytest.mark.parametrize("recipe", ["paper", "released"])
def test_a_mask_of_another_library_may_be_a_level_off(recipe):
    image, mask = face_and_mask(recipe)
    off = np.random.default_rng(0).integers(-1, 2, mask.shape)
    mask = np.clip(mask + off * (mask > 1), 0, 255).astype(np.uint8)
    assert recognised(mask, image) == TextureSettings(recipe=recipe)


def test_a_kernel_that_was_scaled_to_the_image_is_recognised():
    # 21 and 5 for 1024 pixels are 3 (a half width of 10 / 8, rounded) and 0.625 for 128.
    image, mask = face_and_mask("paper", kernel_size=3, sigma=0.625)
    assert recognised(mask, image) == TextureSettings(scale_to_image=True)


@pytest.mark.parametrize("kernel", [{"sigma": 3.0}, {"kernel_size": 41, "sigma": 9.0}])
def test_masks_of_other_kernels_are_not_recognised(kernel):
    image, mask = face_and_mask("paper", **kernel)
    assert recognised(mask, image) is None


def test_masks_of_another_photograph_or_of_anything_else_are_not_recognised():
    image, _ = drawn_face(128, seed=1)
    _, mask = face_and_mask("paper", seed=2)
    assert recognised(mask, image) is None
    noise = np.random.default_rng(0).integers(1, 256, (128, 128)).astype(np.uint8)
    assert recognised(noise, image) is None


def test_formulas_that_give_the_same_mask_are_not_told_apart(monkeypatch):
    monkeypatch.setitem(FORMULAS, "twin", FORMULAS["paper"])
    image, mask = face_and_mask("paper")
    assert recognised(mask, image) is None


@pytest.fixture
def write(tmp_path):
    """Write masks by some formulas and their photographs; give the paths in pairs."""

    def files(*recipes):
        pairs = []
        for number, recipe in enumerate(recipes):
            image, mask = face_and_mask(recipe, seed=number)
            paths = tmp_path / f"{number}_mask.png", tmp_path / f"{number}.png"
            for path, pixels in zip(paths, (mask, image), strict=True):
                Image.fromarray(pixels).save(path)
            pairs.append(paths)
        return pairs

    return files


def test_files_that_tell_nothing_are_passed_over(write):
    pairs = write("released", "released", "released")
    Image.new("L", (128, 128)).save(pairs[0][0])
    pairs[1][1].write_bytes(b"not an image")
    assert recognised_files(pairs) == TextureSettings(recipe="released")
    assert recognised_files(pairs[:2]) is None
    assert recognised_files([]) is None


def test_masks_of_different_formulas_are_refused_by_name(write):
    with pytest.raises(ArgumentError, match=r"0_mask\.png: recipe paper.*1_mask\.png: recipe rel"):
        recognised_files(write("paper", "released"))


def test_one_mask_that_is_not_recognised_leaves_all_unknown(write):
    pairs = write("paper", "paper")
    Image.new("L", (64, 64), 9).save(pairs[1][0])  # of another size than its photograph
    assert recognised_files(pairs) is None
