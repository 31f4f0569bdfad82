"""`verify` on a data set of drawn faces: nothing differs, or exactly the thing that was altered."""

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.checkpoints.official import OFFICIAL
from ffhq_wrinkle.verification import formula_search
from ffhq_wrinkle.verification.verification import verify
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.variants import Variant
from ffhq_wrinkle.weak_labels.weak import build_weak
from tests.helpers.published import SAMPLE, TEST_IDS, bisenet

WEAK = "weak masks of the test ids"


@pytest.fixture
def verified(whole, original):
    return lambda **options: verify(whole.data, published=original[1], **options)


def altered(verification):
    """Names of the things that differ for a reason of their own."""
    return {check.name for check in verification.roots}


def states(verification):
    return {check.name: check.state for check in verification.checks}


def exchange(first, second):
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def test_the_published_data_set_is_equal_in_everything(verified):
    verification = verified()
    assert {name: state for name, state in states(verification).items() if state != "equal"} == {}
    assert len(verification.checks) == 27
    assert verification.verdicts == (
        "The published weak masks are by the formula released: 100.0000 % of the pixels of 7 masks "
        "are exact.",
    )
    assert not verification.differs
    assert verification.variants == verification.shown == ()


def test_quick_processes_the_sample_alone(verified, whole):
    for image_id in TEST_IDS:
        whole.weak(image_id).write_bytes(b"damaged")
    verification = verified(quick=True)
    assert set(states(verification).values()) == {"equal"}
    assert [image.image_id for image in verification.comparison.images] == [SAMPLE]


def test_masks_by_another_formula_are_named_with_it(verified, copy):
    build_weak(
        copy.data, copy.data / "weak_wrinkle_masks", overwrite=True,
        parser=ReadyLabels(copy.data / "face_parsed_labels"), texture=TextureSettings(),
    )  # fmt: skip
    verification = verified()
    assert altered(verification) == {f"weak mask of {SAMPLE}", WEAK}
    assert verification.verdicts == (
        "The published weak masks are by the formula paper: 100.0000 % of the pixels of 7 masks "
        "are exact.",
    )


def test_masks_by_no_formula_are_searched_for(verified, copy, monkeypatch):
    monkeypatch.setattr(formula_search, "IMAGES", 2)
    secret = Variant(gray="BT.709 gray", output="255 - d", kernel_size=15, lesser=True)
    for image_id in (SAMPLE, *TEST_IDS):
        levels = secret.texture_map(copy.pixels(image_id)) * copy.face(image_id)
        Image.fromarray(levels).save(copy.weak(image_id))
    verification = verified()
    assert altered(verification) == {f"weak mask of {SAMPLE}", WEAK}
    assert verification.variants[0].variant == secret
    assert verification.variants[0].difference.exact_share == 1
    assert 1 < len(verification.variants) <= 10
    assert verification.verdicts[0].startswith("No formula gives the published weak masks.")
    assert verification.verdicts[1].startswith(f"They are by this arithmetic: {secret}")


def test_a_shifted_mask_is_named_with_its_shift(verified, copy):
    shifted = np.roll(copy.levels("00004"), (3, -2), axis=(0, 1))
    Image.fromarray(shifted).save(copy.weak("00004"))
    verification = verified()
    assert altered(verification) == {WEAK}
    assert verification.verdicts == (
        "The published weak masks are by the formula released: 6 of 7 masks are exact.",
        "The weak mask of 00004 is shifted by 3 rows and -2 columns.",
    )
    assert [picture.image_id for picture in verification.shown] == ["00004"]


def test_swapped_masks_are_named_with_each_other_s_photograph(verified, copy):
    exchange(copy.weak("00003"), copy.weak("00006"))
    verification = verified()
    assert altered(verification) == {WEAK}
    assert verification.verdicts[1:] == tuple(
        f"The weak mask of {one} belongs to the photograph of {other}: the two ids are swapped, or "
        "one file is a copy."
        for one, other in (("00003", "00006"), ("00006", "00003"))
    )


def test_a_swapped_photograph_is_named(verified, copy):
    exchange(copy.image(SAMPLE), copy.image("00002"))
    verification = verified()
    assert altered(verification) == {f"photograph of {SAMPLE}", WEAK}


def test_another_bisenet_is_named(verified, whole):
    bisenet(whole.weights, seed=1)
    verification = verified()
    assert altered(verification) == {"BiSeNet's weights"}
    assert states(verification)[f"label map of {SAMPLE}, by BiSeNet"] == "different"
    (picture,) = verification.shown
    assert picture.image_id == SAMPLE


def test_another_bisenet_of_unknown_hash_differs_in_the_label_map(verified, whole):
    bisenet(whole.weights, seed=1)
    table = whole.sources.read_text().splitlines()
    whole.sources.write_text("\n".join(line for line in table if not line.startswith("sha256")))
    assert altered(verified()) == {f"label map of {SAMPLE}, by BiSeNet"}


@pytest.mark.parametrize("damage", [b"damaged", None])
def test_a_damaged_checkpoint_is_named(verified, copy, damage):
    path = copy.data / "checkpoints" / OFFICIAL["official-unet"]
    path.write_bytes(damage or path.read_bytes()[:-500])
    verification = verified()
    assert altered(verification) == {"checkpoint official-unet"}
    assert states(verification)["official-unet on the test ids, pixels"] == "different"
    assert states(verification)["official-swin-unetr on the test ids, pixels"] == "equal"


def test_a_damaged_weak_mask_is_named(verified, copy):
    copy.weak("00005").write_bytes(copy.weak("00005").read_bytes()[:100])
    verification = verified()
    assert altered(verification) == {WEAK}
    assert "The weak mask of 00005 cannot be compared:" in verification.verdicts[1]


def test_an_altered_manual_mask_is_named(verified, copy):
    Image.fromarray(np.full((128, 128), 255, np.uint8)).save(copy.manual("00002"))
    assert altered(verified()) == {"manual masks of the test ids"}


def test_a_masked_image_that_differs_is_named(verified, copy):
    path = copy.data / "masked_face_images" / f"{SAMPLE}.png"
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    assert altered(verified()) == {f"masked image of {SAMPLE}"}


def test_other_people_are_named(verified, copy):
    table = copy.data / "ffhq_aging_labels.csv"
    table.write_text(table.read_text().replace("9,7-9,female", "9,7-9,male"))
    assert altered(verified()) == {"sex of all faces"}


def test_a_copy_of_a_test_image_is_named(verified, copy):
    copy.image("00009").write_bytes(copy.image("00003").read_bytes())
    verification = verified()
    assert altered(verification) == {"copies of test images under other ids"}
    (check,) = verification.roots
    assert check.found == "1 (00003 and 00009)"


def test_what_is_absent_is_no_difference_and_names_its_command(verified, copy):
    for image_id in TEST_IDS:
        copy.weak(image_id).unlink()
    copy.labels(SAMPLE).unlink()
    (copy.data / "ffhq_aging_labels.csv").unlink()
    verification = verified()
    assert not verification.differs
    notes = {check.name: check.note for check in verification.checks if check.state == "absent"}
    of_data = f"ffhq-wrinkle download {{}} {copy.data}"
    assert notes[WEAK] == f"{of_data.format('labels')} --only weak"
    assert notes[f"label map of {SAMPLE}"] == f"{of_data.format('labels')} --only parsed"
    assert notes["BiSeNet's weights"] == of_data.format("weights")
    assert notes["age of all faces"] == of_data.format("aging-labels")


def test_an_empty_folder_has_only_what_needs_no_data(tmp_path, copy, original):
    (tmp_path / "empty").mkdir()
    verification = verify(tmp_path / "empty", published=original[1])
    equal = {name for name, state in states(verification).items() if state == "equal"}
    assert equal == {"unet, 3 -> 2 channels"}
    assert not verification.differs


def test_a_path_that_is_not_a_folder_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="is not a folder"):
        verify(tmp_path / "none")
