import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import TrainingDataError
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable, require_wrinkles
from ffhq_wrinkle.segmentation.training_data.samples import Sample, load_sample
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.orientation import turned_png


@pytest.fixture
def samples(tmp_path):
    """Eight images of 32x32 with all kinds of files."""
    listed = []
    for number in range(8):
        face = np.full((32, 32), 255, np.uint8)
        pictures = {
            "image": drawn_face(32, number)[0],
            "mask": drawn_lines((32, 32), number) * np.uint8(255),
            "weak": face // 3,
            "face": face,
        }
        for name, pixels in pictures.items():
            Image.fromarray(pixels).save(tmp_path / f"{number}.{name}.png")
        paths = {name: tmp_path / f"{number}.{name}.png" for name in pictures}
        listed.append(Sample(str(number), **paths))
    return listed


def complaint(samples, stage="finetune", **options):
    with pytest.raises(TrainingDataError) as caught:
        require_trainable(samples, stage=stage, jobs=2, **options)
    return str(caught.value).splitlines()


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_whole_samples_pass(samples, stage):
    require_trainable(samples, stage=stage, jobs=2)


def test_all_kinds_of_problems_are_reported_at_once(samples):
    samples[0].image.unlink()
    samples[1].mask.unlink()
    Image.fromarray(np.zeros((16, 32), np.uint8)).save(samples[1].weak)
    samples[2] = samples[2]._replace(weak=None)
    Image.fromarray(np.zeros((16, 32), np.uint8)).save(samples[3].mask)
    Image.fromarray(np.ones((16, 32), np.uint8) * np.uint8(255)).save(samples[3].face)
    samples[4].weak.write_bytes(samples[4].weak.read_bytes()[:-1])
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(samples[5].face)
    samples[6].image.write_text("none")
    Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32)).save(samples[7].mask)
    title, *lines = complaint(samples)
    assert title == "the training data of 8 images cannot be used as they are:"
    kinds = {line.split(":")[0]: line for line in lines}
    assert list(kinds) == [
        "2 files do not exist",
        "1 image has no weak mask or no face mask, and none could be made",
        "3 files differ in size from their image",
        "4 files cannot be used",
    ]
    sizes = kinds["3 files differ in size from their image"]
    assert f"{samples[3].mask}: it is 32x16, but its image is 32x32" in sizes
    damaged = kinds["4 files cannot be used"]
    for number, name, reason in (
        (4, "weak", "damaged or cut short: the PNG has no end"),
        (5, "face", "it is empty: there is no face"),
        (6, "image", "not an image"),
        (7, "mask", "not a mask of two values"),
    ):
        assert f"{getattr(samples[number], name)}: {reason}" in damaged


def test_five_of_a_kind_are_named_and_all_are_counted(samples):
    for one in samples[:7]:
        one.mask.unlink()
    _, line = complaint(samples)
    assert line.startswith("7 files do not exist: ")
    assert line.endswith("4.mask.png; ...")


def test_pretraining_does_not_check_human_masks(samples):
    for one in samples:
        one.mask.unlink()
        one.face.unlink()
    require_trainable(samples, stage="pretrain")
    samples[0].weak.unlink()
    assert complaint(samples, "pretrain")[1].startswith("1 file does not exist")


def test_a_training_part_without_any_wrinkle_is_refused(samples):
    for one in samples[:3]:
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(one.mask)
    require_wrinkles(samples[:4], stage="finetune")
    with pytest.raises(TrainingDataError, match="no mask of the 3 images of the training part"):
        require_wrinkles(samples[:3], stage="finetune")
    require_wrinkles(samples[:3], stage="pretrain")


def test_crops_larger_than_an_image_are_refused_with_the_shortest_side(samples):
    require_trainable(samples, stage="finetune", size=32)
    Image.fromarray(drawn_face(48, 1)[0][:24]).save(samples[1].image)
    last = complaint(samples, "pretrain", size=25)[-1]
    assert last == (
        "1 image is smaller than crops of --size 25; the shortest side of all is 24: "
        f"{samples[1].image} (48x24)"
    )


def test_whole_images_in_a_batch_must_have_one_size(samples):
    for one in samples[2:4]:
        for path in one[1:5]:
            with Image.open(path) as picture:
                picture.resize((40, 36), Image.Resampling.NEAREST).save(path)
    for options in ({"batch_size": 1}, {"batch_size": 2, "size": 32}):
        require_trainable(samples, stage="finetune", **options)
    _, line = complaint(samples, batch_size=2)
    assert line == (
        "2 sizes of images, but the images of a batch of 2 must have one size; use crops of "
        f"--size 32, the shortest side, or less, or --batch-size 1: 32x32 ({samples[0].image}); "
        f"40x36 ({samples[2].image})"
    )


def test_samples_must_be_complete_or_not(samples):
    lacking = [one._replace(weak=None) for one in samples]
    assert complaint(lacking)[1].startswith("8 images have no weak mask")
    lacking = [one._replace(face=None) for one in samples]
    assert complaint(lacking)[1].startswith("8 images have no weak mask or no face")
    require_trainable(lacking, stage="finetune", complete=False)
    require_trainable(lacking, stage="pretrain")
    unmade = {"3": "the disk ate it"}
    _, line = complaint(lacking[3:4], unmade=unmade)
    assert line.endswith(f"none could be made: {samples[3].image}: the disk ate it")


def test_an_orientation_behind_the_pixels_turns_image_and_masks_alike(tmp_path):
    stored, upright = (20, 32), (32, 20)
    face = np.full(stored, 255, np.uint8)
    pictures = {"image": np.dstack([face] * 3), "mask": face, "weak": face // 3, "face": face}
    turned, plain = {}, {}
    for name, pixels in pictures.items():
        turned[name], plain[name] = tmp_path / f"turned.{name}.png", tmp_path / f"{name}.png"
        turned[name].write_bytes(turned_png(pixels, 6))
        Image.fromarray(np.rot90(pixels, -1)).save(plain[name])
    for name in pictures:  # each in turn is the only one that is turned
        files = {**plain, name: turned[name]}
        require_trainable([Sample("7", **files)], stage="finetune")
        assert load_sample(Sample("7", **files), stage="finetune").image.shape[:2] == upright
