import math
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.inference.gpu_images import GpuBatch, fetched, on_device, packed_bits
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.gpu_texture import (
    GpuWeakMasks,
    face_masks,
    gray_levels,
    masked_texture_maps,
)
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers.faces import drawn_face
from tests.helpers.formulas import reference_map

ON_GPU = [name for name, formula in FORMULAS.items() if formula.levels_on_gpu]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return torch.device(request.param)


def test_gray_is_opencv_s_for_every_colour(device):
    colours = np.arange(1 << 24, dtype=np.uint32).view(np.uint8).reshape(-1, 4)[:, :3]
    image = np.ascontiguousarray(colours.reshape(4096, 4096, 3))
    gray = fetched(gray_levels(on_device([image], device)))[0]
    assert_array_equal(gray, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


@pytest.mark.parametrize("shape", [(1024, 1024), (512, 512), (300, 451), (1, 7), (1500, 1201)])
def test_faces_are_skin_and_nose_at_the_image_s_size(shape, device):
    labels = np.random.default_rng(1).integers(0, 19, (2, 512, 512), dtype=np.uint8)
    faces = face_masks(on_device(list(labels), device), shape)
    bits = fetched(packed_bits(faces))
    for number, label_map in enumerate(labels):
        # The cell that a pixel's centre lies in.
        rows, columns = (
            [math.floor(Fraction(2 * pixel + 1, 2 * side) * 512) for pixel in range(side)]
            for side in shape
        )
        expected = np.isin(label_map, (1, 10))[rows][:, columns]
        assert_array_equal(fetched(faces[number]), expected)
        assert_array_equal(bits[number], np.packbits(expected))


@pytest.mark.parametrize("recipe", ON_GPU)
@pytest.mark.parametrize(
    ("shape", "kernel_size", "sigma"),
    [((256, 256), 21, 5.0), ((70, 41), 7, 1.3), ((12, 9), 41, 10.0), ((1, 1), 21, 5.0)],
)
def test_maps_are_those_of_the_formulas(shape, kernel_size, sigma, recipe, device):
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    even = np.full_like(noise, 200)
    photo = cv2.resize(drawn_face(256)[0], shape[::-1])
    faces = rng.random((3, *shape)) < 0.8
    images = [noise, even, photo]
    maps = masked_texture_maps(
        on_device(images, device),
        torch.from_numpy(faces).to(device),
        kernel_size=kernel_size,
        sigma=sigma,
        recipe=recipe,
    )
    differ = [
        (texture != reference_map(image, recipe, kernel_size, sigma) * face).mean()
        for texture, image, face in zip(fetched(maps), images, faces, strict=True)
    ]
    # At a tie the formulas' own last bit decides, which no two ways to add up have in common.
    assert max(differ) <= 1e-4


@pytest.mark.parametrize("recipe", ON_GPU)
@pytest.mark.parametrize("scale_to_image", [False, True])
def test_weak_masks_are_the_cpu_s_to_the_last_pixel(recipe, scale_to_image, device):
    settings = TextureSettings(recipe=recipe, scale_to_image=scale_to_image)
    pairs = [drawn_face(512, seed) for seed in range(3)]
    images, label_maps = ([pair[number] for pair in pairs] for number in (0, 1))
    batch = GpuBatch(on_device(images, device), on_device(label_maps, device), 2)
    made = GpuWeakMasks(settings)
    for _ in range(2):  # on a GPU recorded, and then replayed
        results = made(batch)
        assert len(results) == 2
        for result, image, label_map in zip(results, images[:2], label_maps[:2], strict=True):
            face = np.isin(label_map, (1, 10))
            assert_array_equal(result.face(), face)
            assert_array_equal(result.weak_mask, settings.weak_mask(image, face))


def test_an_error_for_lack_of_memory_gives_advice(monkeypatch):
    def no_memory(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("ffhq_wrinkle.weak_labels.gpu_texture.masked_texture_maps", no_memory)
    weak_masks_of = GpuWeakMasks(TextureSettings())
    images, label_maps = torch.zeros(8, 4, 4, 3), torch.zeros(8, 512, 512)
    with pytest.raises(ArgumentError, match="try --batch-size 4"):
        weak_masks_of(GpuBatch(images, label_maps, 8))
