"""A measure is one entry in `MEASURES`: what it declares holds, and everything else reads it."""

import csv
import json
import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import accuracy_score, brier_score_loss

from ffhq_wrinkle.measures.estimates import MEAN, POOLED
from ffhq_wrinkle.measures.metrics import accuracy
from ffhq_wrinkle.segmentation.evaluation.comparison import Comparison
from ffhq_wrinkle.segmentation.evaluation.evaluation_tables import printed
from ffhq_wrinkle.segmentation.evaluation.measures import MEASURES, Column, Measure
from ffhq_wrinkle.segmentation.evaluation.pairs import Pair
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_pairs
from tests.helpers.commands import run
from tests.helpers.faces import drawn_lines

SHAPE = (40, 50)
EMPTY = np.zeros(SHAPE, bool)
ERROR_RATE = Measure(
    title="error rate",
    short_title="Err",
    exact=lambda counts: 1 - accuracy(counts),
    larger_is_better=False,
    both_empty=0,
    headline=True,
    form=".3f",
)


def pair(reference, predicted):
    """One image, with the prediction as a mask and as a probability of 0 and 1."""
    return Pair("00000", reference, predicted, predicted * 1.0)


@pytest.fixture
def masks():
    """References, and predictions that differ from them a little and a lot."""
    references = {f"{n:05d}": drawn_lines(SHAPE, [n, 0], lines=8) for n in range(12)}
    return {
        "ref": references,
        "near": {
            k: drawn ^ drawn_lines(SHAPE, [int(k), 1], lines=1) for k, drawn in references.items()
        },
        "far": {
            k: drawn ^ drawn_lines(SHAPE, [int(k), 2], lines=6) for k, drawn in references.items()
        },
    }


def values(evaluation):
    return {column: evaluation.of_images(column)[0] for column in evaluation.columns}


@pytest.mark.parametrize("seed", range(5))
def test_values_lie_in_the_range_that_is_declared(seed):
    random = np.random.default_rng(seed).random((2, *SHAPE)) < 0.3
    for drawn in (random, (EMPTY, random[1]), (random[0], EMPTY), (random[0], ~random[0])):
        for column, value in values(evaluate_pairs([pair(*drawn)])).items():
            low, high = column.declared.range
            assert math.isnan(value) or low <= value <= high, column


def test_a_perfect_prediction_has_the_best_value():
    measured = values(evaluate_pairs([pair(drawn_lines(SHAPE, 0), drawn_lines(SHAPE, 0))]))
    assert {column.measure for column in measured} == set(MEASURES)
    for column, value in measured.items():
        assert value == column.declared.best, column


def test_two_empty_masks_have_the_value_that_is_declared():
    measured = values(evaluate_pairs([pair(EMPTY, EMPTY)]))
    for name, measure in MEASURES.items():
        if measure.exact:
            np.testing.assert_equal(measured[Column(name)], measure.both_empty)


def test_a_headline_measure_follows_from_counts_of_pixels():
    with pytest.raises(ValueError, match="area: a headline measure"):
        Measure(title="area", headline=True)


def test_a_measure_whose_smaller_values_are_better_is_one_entry(
    masks, annotate, tmp_path, monkeypatch
):
    monkeypatch.setitem(MEASURES, "error", ERROR_RATE)
    near, far, ref = annotate({name: masks[name] for name in ("near", "far", "ref")})
    said = {}
    for first, other in ((near, far), (far, near)):
        out = tmp_path / f"report_{first.name}"
        result = run("evaluate", first, ref, "--compare", other, "--out", out)
        assert result.exit_code == 0, result.output
        said[first.name] = result.stdout
    errors = {
        name: {
            k: 1 - accuracy_score(masks["ref"][k].ravel(), drawn.ravel())
            for k, drawn in masks[name].items()
        }
        for name in ("near", "far")
    }
    means = {name: np.mean(list(of_images.values())) for name, of_images in errors.items()}
    difference = means["near"] - means["far"]
    assert difference < 0
    # The table of measures, that of differences, and the verdict: near has fewer errors.
    rows = re.findall(r"^error rate .*$", said["near"], re.MULTILINE)
    assert rows[0].split()[2] == f"{means['near']:.3f}"
    assert rows[1].split()[2] == f"{difference:+.3f}"
    assert rows[1].split()[-2:] == ["near", "-"]
    assert f"near is better by error rate: difference {difference:+.3f} [" in said["near"]
    assert f"near is better by error rate: difference {-difference:+.3f} [" in said["far"]
    record = json.loads((tmp_path / "report_far" / "evaluation.json").read_text())
    (entry,) = (
        entry
        for entry in record["comparison"]["differences"]
        if (entry["measure"], entry["aggregate"]) == ("error", MEAN)
    )
    assert entry["better"] == "near"
    assert entry["value"] == pytest.approx(-difference)
    with (tmp_path / "report_near" / "per_image.csv").open(newline="") as file:
        in_file = {row["image_id"]: float(row["error"]) for row in csv.DictReader(file)}
    assert in_file == pytest.approx(errors["near"])


def test_means_are_completed_only_for_measures_that_are_undefined_on_empty_masks(monkeypatch):
    monkeypatch.setitem(MEASURES, "error", ERROR_RATE)
    text = printed(evaluate_pairs([pair(EMPTY, EMPTY)], resamples=0))
    assert "Counted as 1 they would give JSI 1.0000, F1 1.0000." in text


def test_a_measure_of_probabilities_is_one_entry_too(masks, monkeypatch):
    """The Brier score, whose smaller values are better, from the counts of each level."""

    def brier(levels):
        probability = np.arange(65536) / 65535
        wrong = levels.every * probability**2 + levels.reference * (1 - 2 * probability)
        return float(wrong.sum() / levels.every.sum())

    monkeypatch.setitem(
        MEASURES, "brier", Measure(title="Brier", levels=brier, larger_is_better=False)
    )
    random = np.random.default_rng(0)
    soft = {
        name: {
            k: np.round(np.clip(random.normal(0.3 + 0.4 * drawn, 0.2), 0, 1) * 65535) / 65535
            for k, drawn in masks[name].items()
        }
        for name in ("near", "far")
    }
    first, second = (
        evaluate_pairs(
            [
                Pair(k, masks["ref"][k], probability=soft_mask)
                for k, soft_mask in soft[name].items()
            ],
            resamples=200,
        )
        for name in ("near", "far")
    )
    expected = [
        brier_score_loss(masks["ref"][k].ravel(), soft_mask.ravel())
        for k, soft_mask in soft["near"].items()
    ]
    assert_allclose(first.of_images(Column("brier")), expected)
    comparison = Comparison(first, second, ("near", "far"))
    mean, pooled = (figure for figure in comparison.estimates if figure.column == Column("brier"))
    assert (mean.aggregate, pooled.aggregate) == (MEAN, POOLED)
    assert mean.value < 0
    assert comparison.better(mean) == "near"
    together = [
        brier_score_loss(
            np.stack(list(masks["ref"].values())).ravel(),
            np.stack(list(of_images.values())).ravel(),
        )
        for of_images in soft.values()
    ]
    assert pooled.value == pytest.approx(together[0] - together[1])
    assert "The pooled Brier has no interval." in printed(first)


def test_a_measure_that_allows_lines_to_lie_apart_has_a_column_for_each_distance(monkeypatch):
    monkeypatch.setitem(
        MEASURES,
        "missed",
        Measure(
            title="missed",
            near=lambda counts: 1 - counts.first_near / np.maximum(counts.first, 1),
            larger_is_better=False,
        ),
    )
    reference, predicted = np.eye(8, dtype=bool), np.eye(8, k=2, dtype=bool)
    evaluation = evaluate_pairs([Pair("u", reference, predicted)])
    assert evaluation.columns[-4:] == [Column("missed", far) for far in (0, 1, 2, 3)]
    # (0, 0) is 2 from (0, 2); the others are sqrt(2) from a drawn pixel, but for the last, (7, 7),
    # which is 2 from (5, 7).
    assert_allclose(evaluation.per_image[0, -4:], [1, 1, 0, 0])
    assert evaluation.columns[-1].title == "missed within 3 px"
    assert evaluation.columns[-1].name == "missed_3px"


def test_columns_of_a_new_measure_come_after_those_of_its_kind(monkeypatch):
    monkeypatch.setitem(MEASURES, "error", ERROR_RATE)
    drawn = drawn_lines(SHAPE, 0)
    names = [column.name for column in evaluate_pairs([pair(drawn, drawn)]).columns]
    assert names == [
        *("jsi", "f1", "accuracy", "precision", "recall", "error", "cldice"),
        *("f1_0px", "f1_1px", "f1_2px", "f1_3px", "average_precision"),
    ]  # fmt: skip
