"""Masks of several annotators fused, and their agreement, in memory as in folders."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.array_forms import array_forms
from tests.helpers.commands import run
from tests.helpers.faces import drawn_lines, mask
from tests.helpers.files import files_of
from tests.helpers.pictures import gray_pixels

NAMES = ("anna", "ben", "chris")
DRAWN = (mask("##.. / ..#."), mask("#..# / .##."), mask("#.#. / ...."))
TWO_OF_THREE = mask("#... / ..#.")


@pytest.fixture
def drawn():
    """Five images by three annotators, of whom ben left the last empty."""
    masks = {
        name: {
            f"{image:05d}": drawn_lines((40, 50), [image, 9]) ^ drawn_lines((40, 50), [image, seed])
            for image in range(5)
        }
        for seed, name in enumerate(NAMES)
    }
    masks["ben"]["00004"] = np.zeros((40, 50), bool)
    return masks


def value(agreed, subject, measure, aggregate="mean over images", tolerance=None):
    """One figure of the table."""
    frame = agreed.to_frame()
    near = frame.tolerance_px.isna() if tolerance is None else frame.tolerance_px == tolerance
    chosen = near & (frame.subject == subject) & (frame.measure == measure)
    (row,) = frame[chosen & (frame["aggregate"] == aggregate)].itertuples()
    return row.value


@pytest.mark.parametrize("kind", [list, tuple, np.stack])
def test_two_of_three_are_a_majority(kind):
    fused = fw.fuse(kind(DRAWN))
    assert_array_equal(fused.mask, TWO_OF_THREE * np.uint8(255))
    assert fused.mask.dtype == np.uint8
    assert fused.kept_px == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"method": "union"}, "#### / .##."),
        ({"method": "intersection"}, "#... / ...."),
        ({"min_votes": 1}, "#### / .##."),
        ({"min_votes": 3}, "#... / ...."),
        ({"method": "weighted", "weights": [1, 5, 1]}, "#..# / .##."),  # ben outweighs the others
        ({"region": mask(".### / ####")}, ".... / ..#."),
    ],
)
def test_the_rules_by_hand(options, expected):
    assert_array_equal(fw.fuse(DRAWN, **options).mask, mask(expected) * np.uint8(255))


def test_soft_masks_are_shares_of_votes():
    votes = np.array([[3, 1, 1, 1], [0, 1, 2, 0]])
    assert_array_equal(fw.fuse(DRAWN, method="soft").mask, votes * 85)


@pytest.mark.parametrize(
    ("masks", "options", "said"),
    [
        ([], {}, "annotator"),
        ([DRAWN[0], DRAWN[1].astype(np.uint8)], {}, "uint8"),
        ([DRAWN[0], DRAWN[1][:, :3]], {}, "(2, 3)"),
        (DRAWN, {"method": "vote"}, "method is 'vote'; there are majority, union"),
        (DRAWN, {"min_votes": 4}, "min_votes is 4; there are 3 annotators"),
        (DRAWN, {"method": "weighted", "weights": [1, 2]}, "2 weights for 3 annotators"),
        (DRAWN, {"method": "weighted"}, "weights go with the method weighted"),
        (DRAWN, {"method": "semi-automatic"}, "a texture map goes with"),
        (DRAWN, {"region": np.ones((3, 3), bool)}, "(3, 3)"),
    ],
)
def test_masks_that_cannot_be_fused_are_refused_in_one_line(masks, options, said):
    with pytest.raises(ArgumentError) as error:
        fw.fuse(masks, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_folders_are_fused_as_the_masks_in_memory_are(annotate, drawn, tmp_path):
    folders = annotate(drawn)
    report = fw.fuse_labels([str(folder) for folder in folders], tmp_path / "fused", jobs=2)
    assert (report.images, report.made, report.failed) == (5, 5, 0)
    for image_id in drawn["anna"]:
        fused = gray_pixels(tmp_path / "fused" / f"{image_id}.png")
        votes = sum(drawn[name][image_id].astype(int) for name in NAMES)
        assert_array_equal(fused, np.where(votes >= 2, 255, 0))
        masks = [fw.read_mask(folder / f"{image_id}.png") for folder in folders]
        assert_array_equal(fused, fw.fuse(masks).mask)


def test_the_command_writes_the_same_files(annotate, drawn, tmp_path):
    folders = annotate(drawn)
    named = {name.upper(): folder for name, folder in zip(NAMES, folders, strict=True)}
    fw.fuse_labels(named, tmp_path / "one", min_votes=1, ids="0-2")
    texts = [f"{name}={folder}" for name, folder in named.items()]
    said = run("fuse-labels", *texts, "--out", tmp_path / "two", "--min-votes", 1, "--ids", "0-2")
    assert said.exit_code == 0, said.output
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert len(list((tmp_path / "one").glob("*.png"))) == 3


@pytest.mark.parametrize("by_id", [True, False])
def test_agreement_in_memory_is_that_of_folders(annotate, drawn, by_id):
    settings = {"tolerances_px": [2, 1, 2], "resamples": 50, "seed": 3}
    of_folders = fw.agreement(annotate(drawn), **settings)
    masks = drawn if by_id else {name: list(by_name.values()) for name, by_name in drawn.items()}
    in_memory = fw.agreement(masks, **settings)
    pd.testing.assert_frame_equal(in_memory.to_frame(), of_folders.to_frame())
    frames = (agreed.to_frame(per_image=True) for agreed in (in_memory, of_folders))
    pd.testing.assert_frame_equal(*frames)
    assert in_memory.summary() == of_folders.summary()
    assert in_memory.tolerances_px == (1, 2)


def test_agreement_by_hand():
    masks = {
        "A": [mask("##.. / ...."), mask("#... / ...."), mask(".... / ....")],
        "B": [mask(".##. / ...."), mask("#... / ...."), mask(".... / ....")],
    }
    agreed = fw.agreement(masks, tolerances_px=[1], resamples=0)
    # One pixel of three, then the only one; the third image is undefined and left out.
    assert value(agreed, "A & B", "jaccard") == pytest.approx((1 / 3 + 1) / 2)
    assert value(agreed, "A & B", "dice") == pytest.approx((1 / 2 + 1) / 2)
    assert value(agreed, "A & B", "jaccard", "pooled") == pytest.approx(2 / 4)
    assert value(agreed, "A & B", "dice", "pooled") == pytest.approx(4 / 6)
    assert value(agreed, "average", "jaccard") == value(agreed, "A & B", "jaccard")
    # Every pixel has one of the other mask beside it.
    assert value(agreed, "A & B", "precision", tolerance=1) == 1
    assert (
        agreed.to_frame().query("subject == 'A & B' and measure == 'jaccard'").undefined.max() == 1
    )
    per_image = agreed.to_frame(per_image=True)["jaccard A & B"]
    assert per_image.tolist() == pytest.approx([1 / 3, 1, np.nan], nan_ok=True)
    assert per_image.index.tolist() == ["00000", "00001", "00002"]


def test_names_are_those_of_folders_or_given(annotate, drawn):
    folders = annotate(drawn)
    assert fw.agreement(folders, resamples=0).names == ["anna", "ben", "chris"]
    named = {"A": folders[0], "B": str(folders[1])}
    assert fw.agreement(named, resamples=0).names == ["A", "B"]


ONE = mask("#.")


@pytest.mark.parametrize(
    ("masks", "options", "said"),
    [
        ({"A": [ONE]}, {}, "1 annotator given; at least 2 are needed"),
        ({"A": [ONE], "B": [ONE, ONE]}, {}, "A and B do not have masks of the same images"),
        ({"A": {"x": ONE}, "B": {"y": ONE}}, {}, "A and B do not have masks of the same images"),
        ({"A": [], "B": []}, {}, "there are no masks"),
        ({"A": [ONE], "B": [ONE.astype(int)]}, {}, "int64"),
        ({"A": [ONE], "B": [ONE.T]}, {}, "(2, 1)"),
        ({"A": [ONE], "B": [ONE]}, {"tolerances_px": [-1]}, "a distance in pixels is 0 or more"),
        ([[ONE], [ONE]], {}, "name each annotator"),
        ([ONE, ONE], {}, "name each annotator"),
        ({"A": [ONE], "B": [ONE]}, {"out": "report"}, "out"),
        ({"A": [ONE], "B": [ONE]}, {"within": "faces", "ids": "1"}, "within, ids"),
        (["nowhere", "."], {}, "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    masks, options, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError) as error:
        fw.agreement(masks, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["majority", "staple", "soft"])
def test_masks_and_regions_of_any_form_in_memory_are_fused(method):
    first, *others = DRAWN
    expected = fw.fuse([first.copy(), *others], method=method, region=~others[0]).mask
    for array in array_forms(first):
        assert_array_equal(
            fw.fuse([array, *others], method=method, region=~others[0]).mask, expected
        )
    for region in array_forms(~others[0]):
        assert_array_equal(fw.fuse(DRAWN, method=method, region=region).mask, expected)
    assert_array_equal(fw.fuse([mask.tolist() for mask in DRAWN]).mask > 0, TWO_OF_THREE)


def test_texture_maps_of_any_form_in_memory_decide_which_pixels_are_wrinkle():
    texture = np.full((9, 9), 5, np.uint8)
    texture[4] = 80  # the only row far above the mean of its surroundings
    rough = np.zeros((9, 9), bool)
    rough[2:7, 1:8] = True
    for array in array_forms(texture):
        fused = fw.fuse([rough], method="semi-automatic", texture=array).mask
        assert_array_equal(np.flatnonzero(fused[:, 4]), [4])
    for array in array_forms(rough):
        fused = fw.fuse([array], method="semi-automatic", texture=texture).mask
        assert_array_equal(np.flatnonzero(fused[:, 4]), [4])


def test_agreement_takes_masks_of_any_form_in_memory():
    first, second = mask("##.. / ...."), mask(".##. / ....")
    for array in array_forms(first):
        agreed = fw.agreement({"A": [array], "B": [second]}, tolerances_px=[1, 9], resamples=0)
        assert value(agreed, "A & B", "jaccard") == pytest.approx(1 / 3)
        assert value(agreed, "A & B", "jaccard", tolerance=1) == 1
        assert value(agreed, "A & B", "jaccard", tolerance=9) == 1
