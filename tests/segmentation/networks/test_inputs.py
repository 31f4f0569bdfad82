import numpy as np
import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.networks.inputs import network_input


def test_the_input_is_the_masked_image_and_the_texture():
    image = np.full((2, 2, 3), 7, np.uint8)
    face = np.array([[True, False], [True, True]])
    texture = np.array([[9, 0], [8, 7]], np.uint8)
    seen = network_input(image, face, texture)
    assert seen.tolist() == [[[7, 7, 7, 9], [0, 0, 0, 0]], [[7, 7, 7, 8], [7, 7, 7, 7]]]
    assert network_input(image, face).shape == (2, 2, 3)
    with pytest.raises(ArgumentError, match=r"the image is \(2, 2\), and .* \(3, 3\)"):
        network_input(image, face, np.zeros((3, 3), np.uint8))
