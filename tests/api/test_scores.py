"""Predictions scored and compared, in memory as in folders."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

import ffhq_wrinkle as fw
from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from tests.helpers.array_forms import array_forms
from tests.helpers.evaluation import by_library, save_probabilities
from tests.helpers.faces import drawn_lines, mask
from tests.helpers.files import files_of

SHAPE = (40, 50)


@pytest.fixture
def masks():
    """References of five images, predictions that are nearly right, and others that are not."""
    references = {f"{n:05d}": drawn_lines(SHAPE, [n, 0], lines=8) for n in range(5)}
    references["00004"] = np.zeros(SHAPE, bool)
    near, far = (
        {k: m ^ drawn_lines(SHAPE, [int(k), seed], lines=lines) for k, m in references.items()}
        for seed, lines in ((1, 1), (2, 6))
    )
    near["00004"] = np.zeros(SHAPE, bool)
    return near, far, references


def value(scores, measure, aggregate="mean over images"):
    """One figure of the table, without tolerance."""
    frame = scores.to_frame()
    chosen = (
        (frame.measure == measure) & (frame["aggregate"] == aggregate) & frame.tolerance_px.isna()
    )
    (row,) = frame[chosen].itertuples()
    return row.value


@pytest.mark.parametrize("by_id", [True, False])
def test_scores_in_memory_are_those_of_folders(annotate, masks, by_id):
    near, _, references = masks
    folders = annotate({"near": near, "ref": references})
    of_folders = fw.evaluate(*folders, resamples=50, seed=3)
    arrays = (near, references) if by_id else (list(near.values()), tuple(references.values()))
    in_memory = fw.evaluate(*arrays, resamples=50, seed=3)
    pd.testing.assert_frame_equal(in_memory.to_frame(), of_folders.to_frame())
    frames = (scores.to_frame(per_image=True) for scores in (in_memory, of_folders))
    pd.testing.assert_frame_equal(*frames)


def test_scores_by_hand():
    references = [mask("##.. / ...."), mask("#... / ...#"), mask(".... / ....")]
    predicted = [mask(".##. / ...."), mask("#... / ...#"), mask(".... / ....")]
    scores = fw.evaluate(predicted, references, resamples=0)
    # One pixel of three, then all; the third image has none and is left out.
    assert value(scores, "jsi") == pytest.approx((1 / 3 + 1) / 2)
    assert value(scores, "f1") == pytest.approx((1 / 2 + 1) / 2)
    assert value(scores, "accuracy") == pytest.approx((6 / 8 + 1 + 1) / 3)
    assert value(scores, "jsi", "pooled") == pytest.approx(3 / 5)
    assert value(scores, "f1", "pooled") == pytest.approx(6 / 8)
    assert value(scores, "precision", "pooled") == pytest.approx(3 / 4)
    per_image = scores.to_frame(per_image=True).sort_index()
    assert per_image.jsi.tolist() == pytest.approx([1 / 3, 1, np.nan], nan_ok=True)
    assert per_image.true_positive.tolist() == [1, 2, 0]
    assert per_image.index.tolist() == ["00000", "00001", "00002"]


def test_every_figure_of_masks_is_scikit_learn_s(masks):
    near, _, references = masks
    scores = fw.evaluate(near, references, resamples=0, exact_only=True)
    assert set(scores.to_frame().measure) == {"jsi", "f1", "accuracy", "precision", "recall"}
    for measure in ("jsi", "f1", "accuracy", "precision", "recall"):
        each = [by_library(measure, references[image_id], near[image_id]) for image_id in near]
        assert value(scores, measure) == pytest.approx(np.nanmean(each), abs=1e-12)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_probabilities_are_above_the_threshold_or_not(masks, tmp_path, annotate, kind):
    _, _, references = masks
    drawn = {image_id: references[image_id] for image_id in list(references)[:3]}
    random = np.random.default_rng(0)
    probabilities = {
        image_id: np.clip(random.normal(0.3 + 0.3 * reference, 0.2), 0, 1).astype(kind)
        for image_id, reference in drawn.items()
    }
    scores = fw.evaluate(probabilities, drawn, threshold=0.4, resamples=0)
    each = [by_library("f1", drawn[name], probabilities[name] > 0.4) for name in drawn]
    assert value(scores, "f1") == pytest.approx(np.mean(each), abs=1e-12)
    folder = save_probabilities(tmp_path / "soft", probabilities, kind)
    of_folders = fw.evaluate(folder, *annotate({"ref": drawn}), threshold=0.4, resamples=0)
    pd.testing.assert_frame_equal(scores.to_frame(), of_folders.to_frame())
    assert "average_precision" in set(scores.to_frame().measure)


ONE = mask("#.")


@pytest.mark.parametrize(
    ("predicted", "references", "options", "said"),
    [
        ([ONE], [ONE, ONE], {}, "predictions and references must be of the same images"),
        ({"a": ONE}, {"b": ONE}, {}, "predictions and references must be of the same images"),
        ([], [], {}, "there are no images to score"),
        ([ONE], "ref", {}, "must both be folders, or both be arrays"),
        ("near", [ONE], {}, "must both be folders, or both be arrays"),
        ([ONE], [ONE.T], {}, "(1, 2)"),
        ([ONE], [ONE.astype(np.uint8)], {}, "bool"),
        ([ONE.astype(np.uint8)], [ONE], {}, "uint8"),
        ([np.array([[0.5, 1.5]])], [ONE], {}, "probabilities run from 0 to 1"),
        ([ONE, np.array([[0.5, 0.5]])], [ONE, ONE], {}, "some images have probabilities"),
        ([ONE], [ONE], {"threshold": 1}, "threshold is 1"),
        ([ONE], [ONE], {"out": "report"}, "out"),
        ([ONE], [ONE], {"images": "photos", "within": "faces", "resize": "nearest"},
         "images, within, resize"),
        ([ONE], [ONE], {"ids": "0"}, "ids"),
        (ONE, ONE, {}, "a list of masks, or masks by image id"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused_in_one_line(
    predicted, references, options, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError) as error:
        fw.evaluate(predicted, references, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_prediction_that_is_missing_is_named(annotate, masks):
    near, _, references = masks
    del near["00002"]
    with pytest.raises(
        EvaluationError, match=r"1 of 5 images has no prediction in .*, first 00002"
    ):
        fw.evaluate(*annotate({"near": near, "ref": references}))


def test_a_comparison_is_the_difference_of_both(annotate, masks):
    near, far, references = masks
    folders = annotate({"near": near, "far": far, "ref": references})
    compared = fw.compare_predictions(*folders, resamples=200, exact_only=True)
    assert compared.names == ("near", "far")
    frame = compared.to_frame().set_index(["measure", "aggregate"])
    differences = [
        by_library("jsi", references[image_id], near[image_id])
        - by_library("jsi", references[image_id], far[image_id])
        for image_id in references
    ]
    row = frame.loc["jsi", "mean over images"]
    assert row.value == pytest.approx(np.nanmean(differences), abs=1e-12)
    assert row.low < row.value < row.high
    assert (row.undefined, row.better) == (np.isnan(differences).sum(), "near")
    with pytest.raises(ArgumentError, match="are the same folder"):
        fw.compare_predictions(folders[0], folders[0], folders[2])


def test_a_report_is_written_where_it_is_asked_for(annotate, masks, tmp_path):
    near, far, references = masks
    folders = annotate({"near": near, "far": far, "ref": references})
    for name in ("one", "two"):
        fw.compare_predictions(
            *map(str, folders), out=tmp_path / name, resamples=50, exact_only=True
        )
    files = files_of(tmp_path / "one")
    assert {"evaluation.json", "evaluation.md", "per_image.csv"} < set(files)
    assert files == files_of(tmp_path / "two")
    with pytest.raises(ArgumentError, match="--images are for the pictures of a report"):
        fw.evaluate(folders[0], folders[2], images=folders[0])


def test_masks_of_any_form_in_memory_have_the_same_scores(masks):
    near, _, references = masks
    reference, predicted = references["00000"], near["00000"]
    expected = fw.evaluate([predicted], [reference], resamples=0).to_frame()
    assert value(fw.evaluate([predicted], [reference], resamples=0), "jsi") == pytest.approx(
        by_library("jsi", reference, predicted)
    )
    for array in array_forms(predicted):
        scores = fw.evaluate([array], [reference], resamples=0)
        pd.testing.assert_frame_equal(scores.to_frame(), expected)
    for array in array_forms(reference):
        scores = fw.evaluate([predicted], [array], resamples=0)
        pd.testing.assert_frame_equal(scores.to_frame(), expected)


@pytest.mark.parametrize("dtype", ["u2", "f2", "f4", "f8"])
def test_probabilities_of_any_form_in_memory_have_the_same_scores(masks, dtype):
    *_, references = masks
    reference = references["00000"]
    random = np.random.default_rng(0).random(SHAPE)
    probability = (random * 65535).astype(dtype) if dtype == "u2" else random.astype(dtype)
    whole = 65535 if dtype == "u2" else 1
    by_hand = average_precision_score(
        reference.ravel(),
        # Probabilities of more than 16 bits are rounded to them.
        probability.ravel()
        if dtype in ("u2", "f2")
        else np.round(random.astype(dtype).ravel() * 65535.0),
    )
    for array in array_forms(probability):
        scores = fw.evaluate([array], [reference], resamples=0, exact_only=True)
        expected = by_library("jsi", reference, probability > 0.5 * whole)
        assert value(scores, "jsi") == pytest.approx(expected)
        assert value(scores, "average_precision") == pytest.approx(by_hand)
