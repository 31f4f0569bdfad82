import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, ImageError, SizeError
from ffhq_wrinkle.segmentation.training_data.picture_files import read_face
from ffhq_wrinkle.segmentation.training_data.samples import Sample, load_sample


@pytest.fixture
def save(tmp_path):
    """Save an array under a name, and return the path."""

    def write(name, array, **options):
        path = tmp_path / name
        Image.fromarray(array).save(path, **options)
        return path

    return write


@pytest.fixture
def sample(save):
    random = np.random.default_rng(0)
    face = np.zeros((8, 6), np.uint8)
    face[2:, 1:] = 255
    return Sample(
        "face",
        save("image.png", random.integers(0, 256, (8, 6, 3), np.uint8)),
        save("mask.png", np.eye(8, 6, dtype=np.uint8)),
        save("weak.png", np.full((8, 6), 7, np.uint8)),
        save("face.png", face),
    )


def test_finetuning_sees_image_face_texture_and_the_human_mask(sample):
    loaded = load_sample(sample, stage="finetune")
    assert_array_equal(loaded.image, np.asarray(Image.open(sample.image)))
    assert_array_equal(loaded.face, np.asarray(Image.open(sample.face)) == 255)
    assert_array_equal(loaded.texture, loaded.face * np.uint8(7))  # nothing outside the face
    assert_array_equal(loaded.target, np.eye(8, 6, dtype=np.uint8) * 255)
    assert {loaded.image.dtype, loaded.texture.dtype, loaded.target.dtype} == {np.dtype(np.uint8)}


def test_pretraining_sees_the_image_and_the_weak_mask(sample):
    loaded = load_sample(sample, stage="pretrain")
    assert_array_equal(loaded.target, np.full((8, 6), 7, np.uint8))
    assert loaded.face is None
    assert loaded.texture is None


def test_a_soft_mask_keeps_its_levels_even_if_it_has_only_two(sample, save):
    votes = np.eye(8, 6, dtype=np.uint8) * np.uint8(85)
    soft = sample._replace(mask=save("soft.png", votes), soft=True)
    assert_array_equal(load_sample(soft, stage="finetune").target, votes)
    hard = soft._replace(soft=False)
    assert_array_equal(load_sample(hard, stage="finetune").target, votes * 3)


def test_a_mask_of_0_and_1_is_not_soft(sample):
    with pytest.raises(ImageError, match=r"mask\.png: its highest level is 1"):
        load_sample(sample._replace(soft=True), stage="finetune")


def test_a_file_of_another_size_than_its_image_is_named(sample, save):
    small = save("small.png", np.zeros((4, 6), np.uint8))
    for field in ("mask", "weak", "face"):
        with pytest.raises(SizeError, match=r"small\.png: it is 6x4, but its image is 6x8"):
            load_sample(sample._replace(**{field: small}), stage="finetune")
    with pytest.raises(ImageError, match=r"none\.png: no such file"):
        load_sample(sample._replace(weak=small.with_name("none.png")), stage="pretrain")


def test_a_sample_without_target_is_refused(sample):
    with pytest.raises(ArgumentError, match="face has no human mask"):
        load_sample(sample._replace(mask=None), stage="finetune")


def test_label_maps_and_face_masks_give_the_face(save, tmp_path):
    labels = np.zeros((512, 512), np.uint8)
    labels[:256] = 1
    labels[256:300] = 10
    labels[400:] = 17
    np.save(tmp_path / "map.npy", labels.astype(np.int64))
    expected = np.arange(512)[:, None] < np.full(512, 300)
    for path in (
        tmp_path / "map.npy",
        save("map.png", labels),
        save("mask.png", expected * np.uint8(255)),
        save("ones.png", expected.astype(np.uint8)),
        save("bits.png", expected),
    ):
        assert_array_equal(read_face(path, (512, 512)), expected)


def test_a_face_mask_of_two_palette_colours_is_what_is_not_black(tmp_path):
    face = np.arange(512)[:, None] < np.full(512, 300)
    for indices, colours in (
        (~face, [255, 255, 255, 0, 0, 0]),  # the first colour is white, as some programs have it
        (face, [0, 0, 0, 255, 255, 255]),
        (face, [0, 0, 0, 200, 100, 100]),
        (face, [0, 0, 0, 0, 0, 0]),  # a label map whose colours say nothing
        (face, [9, 9, 9, 200, 0, 0]),
    ):
        image = Image.fromarray(indices.astype(np.uint8)).convert("P")
        image.putpalette(colours)
        image.save(tmp_path / "face.png")
        assert_array_equal(read_face(tmp_path / "face.png", (512, 512)), face)
