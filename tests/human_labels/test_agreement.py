import logging
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import pearsonr
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import AnnotationError, ArgumentError
from ffhq_wrinkle.human_labels.agreement import (
    agreement_of_masks,
    agreement_weights,
    measure_agreement,
)
from ffhq_wrinkle.human_labels.annotators import AnnotationSettings, parse_annotators
from ffhq_wrinkle.human_labels.tallies import pairs
from tests.helpers.faces import drawn_lines, mask

PAIRS = ["A & B", "B & C", "A & C"]


def measured(folders, *, ids=None, settings=None, **options):
    annotators = parse_annotators([str(folder) for folder in folders])
    chosen = parse_ids(ids) if ids else None
    options = {"resamples": 0, **options}
    return measure_agreement(annotators, settings, ids=chosen, **options)


def value(agreement, kind, subject, measure, aggregate="mean over images", tolerance=None):
    (found,) = (
        one
        for one in agreement.estimates
        if one.column == (kind, subject, measure, tolerance) and one.aggregate == aggregate
    )
    return found


@pytest.fixture
def drawn():
    """Five images by three annotators, with something in common in three; B left the last empty."""
    masks = {
        name: {f"{image:05d}": drawn_lines((40, 50), [image, seed], lines=6) for image in range(5)}
        for seed, name in enumerate("ABC")
    }
    for image in range(3):
        common = drawn_lines((40, 50), [image, 9])
        for of_images in masks.values():
            of_images[f"{image:05d}"] |= common
    masks["B"]["00004"][:] = False
    return masks


def by_library(measure, first, second):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if measure == "pearson":
            return pearsonr(first.ravel() * 1.0, second.ravel() * 1.0)[0]
        scores = {"jaccard": jaccard_score, "dice": f1_score, "cohen_kappa": cohen_kappa_score}
        return scores[measure](first.ravel(), second.ravel())


@pytest.mark.parametrize("measure", ["jaccard", "pearson", "dice", "cohen_kappa"])
def test_pairs_and_average_are_those_of_other_libraries(annotate, drawn, measure):
    agreement = measured(annotate(drawn))
    means, pooled = [], []
    for pair in PAIRS:
        first, second = (list(drawn[name].values()) for name in pair.split(" & "))
        means.append(
            np.nanmean([by_library(measure, *two) for two in zip(first, second, strict=True)])
        )
        pooled.append(by_library(measure, np.stack(first), np.stack(second)))
        assert value(agreement, "pair", pair, measure).value == pytest.approx(means[-1], abs=1e-9)
        found = value(agreement, "pair", pair, measure, "pooled").value
        assert found == pytest.approx(pooled[-1], abs=1e-9)
    average = value(agreement, "average", "average", measure).value
    assert average == pytest.approx(np.mean(means), abs=1e-9)
    average = value(agreement, "average", "average", measure, "pooled").value
    assert average == pytest.approx(np.mean(pooled), abs=1e-9)


def test_each_is_compared_with_the_majority_of_the_others(annotate, drawn):
    drawn["D"] = {
        image_id: drawn_lines((40, 50), [int(image_id), 7], lines=9) for image_id in drawn["A"]
    }
    agreement = measured(annotate(drawn))
    expected = []
    for image_id, own in drawn["A"].items():
        others = np.sum([drawn[name][image_id] for name in "BCD"], axis=0) >= 2
        expected.append(by_library("jaccard", own, others))
    found = value(agreement, "others", "A", "jaccard").value
    assert found == pytest.approx(np.mean(expected), abs=1e-9)


def test_each_is_compared_with_the_union_of_the_others_and_with_each_of_them(annotate, drawn):
    agreement = measured(annotate(drawn))
    for name in "ABC":
        first, second = (other for other in "ABC" if other != name)
        unions, means = [], []
        for image_id, own in drawn[name].items():
            others = drawn[first][image_id] | drawn[second][image_id]
            unions.append(by_library("jaccard", own, others))
            means.append(
                np.mean([by_library("jaccard", own, drawn[o][image_id]) for o in (first, second)])
            )
        union = value(agreement, "union", name, "jaccard").value
        assert union == pytest.approx(np.mean(unions), abs=1e-9)
        own_pairs = value(agreement, "own pairs", name, "jaccard").value
        assert own_pairs == pytest.approx(np.mean(means), abs=1e-9)


def test_undefined_values_are_left_out_and_counted(annotate):
    empty, full, line = mask("... / ..."), mask("### / ###"), mask("##. / ...")
    other = mask("#.. / ...")
    folders = annotate(
        {"A": {"u": empty, "v": full, "w": line}, "B": {"u": empty, "v": full, "w": other}}
    )
    agreement = measured(folders)
    index = value(agreement, "pair", "A & B", "jaccard")
    assert (index.value, index.undefined, index.images) == (pytest.approx((1 + 0.5) / 2), 1, 3)
    correlation = value(agreement, "pair", "A & B", "pearson")
    expected = by_library("pearson", line, other)
    assert (correlation.value, correlation.undefined) == (pytest.approx(expected), 2)
    assert value(agreement, "all", "all", "fleiss_kappa").undefined == 2
    assert value(agreement, "average", "average", "pearson").undefined == 2
    assert value(agreement, "pair", "A & B", "jaccard", "pooled").undefined == 0


def test_measures_are_undefined_where_nothing_is_drawn(annotate):
    empty = mask("... / ...")
    agreement = measured(annotate({name: {"u": empty, "v": empty} for name in "AB"}), resamples=99)
    for one in agreement.estimates:
        assert np.isnan([one.value, one.low, one.high]).all(), one
    assert_array_equal(agreement.disagreement, [np.nan, np.nan])
    assert agreement.most_disputed() == [0, 1]


def test_intervals_hold_the_value_and_narrow_with_more_images(annotate):
    widths = []
    for count in (8, 64):
        masks = {
            name: {
                str(image): drawn_lines((30, 30), [image, 5])
                ^ drawn_lines((30, 30), [image, seed], lines=1)
                for image in range(count)
            }
            for seed, name in enumerate("AB")
        }
        agreement = measured(annotate(masks, under=str(count)), resamples=999)
        for aggregate in ("mean over images", "pooled"):
            one = value(agreement, "pair", "A & B", "jaccard", aggregate)
            assert one.low < one.value < one.high
            widths.append(one.high - one.low)
    assert widths[2] < widths[0]
    assert widths[3] < widths[1]


def test_a_pooled_interval_draws_images_not_pixels(annotate):
    # Two images, one in full agreement and one in none: half of the resamples hold both.
    line = mask("##.. / ....")
    folders = annotate({"A": {"u": line, "v": line}, "B": {"u": line, "v": mask(".... / ..##")}})
    one = value(measured(folders, resamples=999), "pair", "A & B", "jaccard", "pooled")
    assert (one.value, one.low, one.high) == (pytest.approx(2 / 6), 0, 1)


def test_the_most_disputed_come_first_and_the_undrawn_last(annotate):
    line, other, empty = mask("##.. / ...."), mask("#... / ...."), mask(".... / ....")
    apart, far_apart = mask("...# / ...."), mask("...# / ####")
    folders = annotate(
        {
            "A": {"1": line, "2": line, "3": line, "4": empty, "5": line},
            "B": {"1": other, "2": apart, "3": line, "4": empty, "5": far_apart},
        }
    )
    agreement = measured(folders)
    order = [agreement.images[number].file.image_id for number in agreement.most_disputed()]
    assert order == ["5", "2", "1", "3", "4"]
    assert_allclose(agreement.disagreement, [0.5, 1, 0, np.nan, 1])


def test_tolerance_forgives_a_shift(annotate):
    line, shifted = np.zeros((9, 30), bool), np.zeros((9, 30), bool)
    line[4, 5:25], shifted[5, 5:25] = True, True
    agreement = measured(annotate({"A": {"u": line}, "B": {"u": shifted}}), tolerances_px=(0, 1))
    for tolerance in (0, 1):
        for measure in ("jaccard", "dice", "precision", "recall"):
            for aggregate in ("mean over images", "pooled"):
                found = value(agreement, "pair", "A & B", measure, aggregate, tolerance)
                assert found.value == tolerance
    assert value(agreement, "average", "average", "jaccard", tolerance=1).value == 1


def test_only_the_face_counts(annotate):
    folders = annotate(
        {"A": {"u": mask("##.#")}, "B": {"u": mask("#..#")}, "faces": {"u": mask("###.")}}
    )
    settings = AnnotationSettings(within=folders[2])
    agreement = measured(folders[:2], settings=settings, tolerances_px=(2,))
    assert value(agreement, "pair", "A & B", "jaccard").value == 1 / 2
    assert agreement.tallies.pixels.tolist() == [3]
    assert agreement.tallies.near[0, 0].tolist() == [[2, 2], [1, 1]]


def test_all_unreadable_files_are_tried_and_the_first_is_named(annotate, drawn):
    folders = annotate(drawn)
    for image_id in ("00001", "00003"):
        (folders[1] / f"{image_id}.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(AnnotationError, match=r"B/00001\.png: .* \(2 images in all\)"):
        measured(folders)


def test_an_id_that_no_annotator_has_is_an_error(annotate, drawn):
    folders = annotate(drawn)
    assert len(measured(folders, ids="0-2").images) == 3
    with pytest.raises(
        ArgumentError, match="no annotator has masks of 1 of the ids, such as 00009"
    ):
        measured(folders, ids="0,9")


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_is_a_distance(annotate, drawn, tolerance):
    with pytest.raises(ArgumentError, match="a distance in pixels is 0 or more"):
        measured(annotate(drawn), tolerances_px=(tolerance,))


def test_threads_change_nothing(annotate, drawn):
    folders = annotate(drawn)
    one, many = (measured(folders, jobs=jobs, tolerances_px=(1,), resamples=99) for jobs in (1, 4))
    assert repr(one.estimates) == repr(many.estimates)


def test_copies_of_an_annotator_are_reported(annotate, drawn, caplog):
    drawn["D"] = drawn["B"]
    with caplog.at_level(logging.WARNING):
        measured(annotate(drawn))
    assert caplog.messages == ["B and D have identical masks of all images: is one a copy?"]


def test_weights_are_the_mean_agreement_with_the_others(annotate, drawn):
    folders = annotate(drawn)
    stacks = [np.stack(list(drawn[name].values())) for name in "ABC"]
    index = np.zeros((3, 3))
    for first, second in pairs(3):
        index[first, second] = index[second, first] = by_library(
            "jaccard", stacks[first], stacks[second]
        )
    expected = index.sum(axis=1) / index.sum()
    assert_allclose(agreement_weights(measured(folders).tallies), expected, atol=1e-6)


def test_weights_are_equal_without_any_agreement(annotate):
    folders = annotate({"A": {"u": mask("#..")}, "B": {"u": mask(".#.")}})
    assert agreement_weights(measured(folders).tallies) == (0.5, 0.5)


MANY_PAIRS = """
import numpy as np
import ffhq_wrinkle as fw
random = np.random.default_rng(0)
masks = {f"A{number}": list(random.random((3, 40, 50)) < 0.1) for number in range(20)}
agreed = fw.agreement(masks, tolerances_px=[1, 2, 3])
print(len(agreed.estimates), sum(figure.low <= figure.value for figure in agreed.estimates))
with open("/proc/self/status") as status:
    print(*(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the peak")
def test_the_resamples_of_190_pairs_take_less_than_300_mb():
    output = subprocess.check_output([sys.executable, "-c", MANY_PAIRS], text=True)
    figures, with_interval, peak_kib = map(int, output.split())
    # 190 pairs and their average by 4 measures, by 4 more at each of 3 distances, 20 times "others"
    # by 4 measures, with the union and with each other by Jaccard, and Fleiss' kappa; each as a
    # mean and pooled.
    assert figures == 2 * (191 * (4 + 3 * 4) + 20 * (4 + 2) + 1)
    assert with_interval > 0.9 * figures
    assert peak_kib < 300_000


def test_annotators_that_give_two_figures_one_name_are_refused(annotate):
    drawn = {"x": mask("##.")}
    folders = annotate({"a": drawn, "b": drawn, "majority": drawn})
    message = (
        "two figures would be called 'jaccard [ab] & majority'; give an annotator another name"
    )
    with pytest.raises(ArgumentError, match=message):
        measure_agreement(parse_annotators([str(folder) for folder in folders]))
    renamed = [*map(str, folders[:2]), f"voted={folders[2]}"]
    assert measure_agreement(parse_annotators(renamed), resamples=0).names[2] == "voted"
    in_memory = {name: {"x": mask("##.")} for name in ("a", "b", "a & b", "b & c", "c")}
    with pytest.raises(ArgumentError, match="two figures would be called 'jaccard a & b & c'"):
        agreement_of_masks(in_memory)
