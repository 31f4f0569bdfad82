"""Variants of the texture map against literal definitions in NumPy."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.weak_labels.texture import texture_map
from ffhq_wrinkle.weak_labels.variants import Variant, variants
from tests.helpers.faces import drawn_face
from tests.helpers.formulas import filtered_of, gray_of
from tests.helpers.variants import bt_709, eq_1, of_channels

IMAGE = drawn_face(96)[0]


@pytest.mark.parametrize(
    ("variant", "recipe"), [(Variant(), "paper"), (Variant(output="1 - d, wrapped"), "released")]
)
def test_two_variants_are_the_formulas_of_the_package(variant, recipe, astronaut):
    for image in (IMAGE, astronaut):
        assert_array_equal(variant.texture_map(image), texture_map(image, recipe=recipe))


@pytest.mark.parametrize("lesser", [False, True])
def test_eq_1_of_other_grays_is_its_definition(lesser):
    assert_array_equal(
        Variant(gray="BT.709 gray", lesser=lesser).texture_map(IMAGE),
        np.rint(eq_1(bt_709(IMAGE), lesser=lesser)),
    )
    mean = IMAGE.astype(float).mean(axis=2)
    assert_array_equal(
        Variant(gray="mean of R, G, B", lesser=lesser).texture_map(IMAGE),
        np.rint(eq_1(mean, lesser=lesser)),
    )
    assert_array_equal(
        Variant(gray="each of R, G, B, mean", lesser=lesser).texture_map(IMAGE),
        of_channels(IMAGE, lesser=lesser),
    )
    assert_array_equal(
        Variant(gray="BT.601 gray of B, G, R", lesser=lesser).texture_map(IMAGE),
        np.rint(eq_1(gray_of(IMAGE[:, :, ::-1]).astype(float), lesser=lesser)),
    )


def test_each_output_is_its_definition():
    gray = gray_of(IMAGE).astype(float)
    filtered = filtered_of(gray, 21, 5.0)
    d = 255 * gray / (1 + filtered)
    least = np.minimum(d, 255)
    expected = {
        "truncated": np.floor(eq_1(gray)),
        "1 - d, wrapped": (1 - np.floor(least)) % 256,
        "1 - d, wrapped, d rounded": (1 - np.rint(least)) % 256,
        "1 - d, wrapped, d not clipped": (1 - np.floor(d)) % 256,
        "255 - d": 255 - np.floor(least),
    }
    for output, levels in expected.items():
        assert_array_equal(Variant(output=output).texture_map(IMAGE), levels, output)


@pytest.mark.parametrize(("kernel_size", "sigma"), [(21, 3.5), (31, 5.0)])
def test_kernel_and_sigma_are_those_of_the_filter(kernel_size, sigma):
    ours = Variant(kernel_size=kernel_size, sigma=sigma).texture_map(IMAGE)
    gray = gray_of(IMAGE).astype(float)
    assert_array_equal(ours, np.rint(eq_1(gray, kernel_size=kernel_size, sigma=sigma)))


@pytest.mark.parametrize(
    ("border", "mode"),
    [("reflected", "symmetric"), ("edge repeated", "edge"), ("black", "constant")],
)
def test_a_border_continues_the_image_as_it_says(border, mode):
    gray = gray_of(IMAGE).astype(float)
    # The filter of the padded image is the same inside, whatever its own border.
    filtered = filtered_of(np.pad(gray, 30, mode=mode), 21, 5.0)[30:-30, 30:-30]
    expected = np.rint(np.clip((1 - gray / (1 + filtered)) * 255, 0, 255))
    assert_array_equal(Variant(border=border).texture_map(IMAGE), expected)


def test_a_filter_in_8_bits_rounds_the_filtered_image():
    gray = gray_of(IMAGE).astype(float)
    filtered = Variant(filter="8 bits").filtered(gray)
    assert_array_equal(filtered, np.round(filtered))
    assert np.abs(filtered - filtered_of(gray, 21, 5.0)).max() <= 1
    narrow = Variant(filter="float32").filtered(gray)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, filtered_of(gray, 21, 5.0), rtol=1e-5)


def test_every_combination_comes_once_and_names_itself():
    every = list(variants())
    assert len(set(every)) == len(every) == len({str(each) for each in every})
    assert Variant(output="1 - d, wrapped") in every
    assert replace(Variant(), gray="BT.709 gray", lesser=True) in every
