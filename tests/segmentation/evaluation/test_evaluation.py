import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import (
    average_precision_score,
)

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.images.masks import read_mask
from ffhq_wrinkle.measures.estimates import MEAN, POOLED
from ffhq_wrinkle.measures.metrics import near_dice
from ffhq_wrinkle.segmentation.evaluation.centrelines import centreline_overlap
from ffhq_wrinkle.segmentation.evaluation.measures import Column
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings, Pair
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_pairs
from tests.helpers.evaluation import (
    EXACT,
    LIBRARY,
    SHAPE,
    by_library,
    figure,
    measured,
    save_probabilities,
)
from tests.helpers.faces import drawn_lines, mask
from tests.helpers.neighbourhoods import near


@pytest.mark.parametrize("measure", LIBRARY)
def test_measures_are_scikit_learn_s(folders, masks, measure):
    evaluation = measured(folders)
    predictions, references = (list(of_images.values()) for of_images in masks)
    expected = [
        by_library(measure, reference, predicted)
        for reference, predicted in zip(references, predictions, strict=True)
    ]
    assert_allclose(evaluation.of_images(Column(measure)), expected, atol=1e-12)
    mean, pooled = figure(evaluation, measure), figure(evaluation, measure, POOLED)
    assert mean.value == pytest.approx(np.nanmean(expected), abs=1e-12)
    assert mean.undefined == np.isnan(expected).sum()
    together = by_library(measure, np.stack(references), np.stack(predictions))
    assert pooled.value == pytest.approx(together, abs=1e-12)


def test_undefined_values_are_counted_and_left_out(folders):
    evaluation = measured(folders)
    assert evaluation.both_empty == 2
    undefined = {measure: figure(evaluation, measure).undefined for measure in LIBRARY}
    # Two are empty in both masks; one prediction is empty besides, and one reference.
    assert undefined == {"jsi": 2, "f1": 2, "accuracy": 0, "precision": 3, "recall": 3}
    jsi = evaluation.of_images(Column("jsi"))
    assert_allclose(jsi[-4:], [np.nan, 0, 0, np.nan])
    expected = (np.nansum(jsi) + 2) / len(jsi)
    assert evaluation.mean_with_empty_as_1(Column("jsi")) == pytest.approx(expected)


def test_f1_follows_from_jsi_where_pixels_are_pooled_but_not_where_images_are_averaged(folders):
    evaluation = measured(folders)
    pooled_jsi, pooled_f1 = (figure(evaluation, one, POOLED).value for one in ("jsi", "f1"))
    assert pooled_f1 == pytest.approx(2 * pooled_jsi / (1 + pooled_jsi), abs=1e-12)
    jsi, f1 = (figure(evaluation, one).value for one in ("jsi", "f1"))
    assert f1 < 2 * jsi / (1 + jsi) - 0.01  # as in the paper's Table 3, by Jensen's inequality


def test_near_f1_and_cldice_follow_their_definitions(annotate):
    pairs = {str(seed): [drawn_lines(SHAPE, [seed, end]) for end in (0, 1)] for seed in range(4)}
    pairs["empty"] = [np.zeros(SHAPE, bool)] * 2
    pairs["one"] = [np.zeros(SHAPE, bool), drawn_lines(SHAPE, 5)]
    folders = annotate(
        {name: {k: pair[end] for k, pair in pairs.items()} for end, name in enumerate("PR")}
    )
    evaluation = measured(folders, EvaluationSettings())
    ordered = [pairs[image_id] for image_id in evaluation.image_ids]
    for far in (0, 1, 2, 3):
        expected = []
        for predicted, reference in ordered:
            # As by a search tree, where test_metrics has it.
            shares = [
                near(one, other, far) / one.sum() if one.any() else 0
                for one, other in ((predicted, reference), (reference, predicted))
            ]
            drawn = predicted.any() or reference.any()
            mean = 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0
            expected.append(mean if drawn else np.nan)
        assert_allclose(evaluation.of_images(Column("f1", far)), expected, atol=1e-12)
    assert_allclose(
        evaluation.of_images(Column("f1", 0)), evaluation.of_images(Column("f1")), atol=1e-12
    )
    cldice = [float(near_dice(centreline_overlap(*pair[::-1]))) for pair in ordered]
    assert_allclose(evaluation.of_images(Column("cldice")), cldice, atol=1e-12)
    assert (
        figure(evaluation, "cldice").undefined,
        figure(evaluation, "f1", MEAN, 2).undefined,
    ) == (1, 1)


@pytest.mark.parametrize("kind", ["png", "float16", "float32", "float64"])
def test_probabilities_are_scored_above_the_threshold_and_at_every_one(
    annotate, masks, tmp_path, kind
):
    references = {image_id: drawn for image_id, drawn in masks[1].items() if int(image_id) < 12}
    random = np.random.default_rng(3)
    probabilities = {
        image_id: np.round(np.clip(random.normal(0.4 + 0.2 * drawn, 0.2), 0, 1) * 255) / 255
        for image_id, drawn in references.items()
    }
    (folder,) = annotate({"ref": references})
    settings = EvaluationSettings(tolerances_px=(), centrelines=False, threshold=0.601)
    saved = save_probabilities(tmp_path / "prob", probabilities, kind)
    evaluation = measured([saved, folder], settings)
    for number, image_id in enumerate(references):
        predicted = probabilities[image_id] > 0.601  # no level
        found = evaluation.of_images(Column("f1"))[number]
        assert_allclose(found, by_library("f1", references[image_id], predicted), atol=1e-12)
    expected = [
        average_precision_score(drawn.ravel(), probabilities[image_id].ravel())
        for image_id, drawn in references.items()
        if drawn.any()
    ]
    area = figure(evaluation, "average_precision")
    assert area.value == pytest.approx(np.mean(expected), abs=1e-12)
    assert area.undefined == len(references) - len(expected) > 0
    together = average_precision_score(
        np.stack(list(references.values())).ravel(), np.stack(list(probabilities.values())).ravel()
    )
    pooled = figure(evaluation, "average_precision", POOLED)
    assert pooled.value == pytest.approx(together, abs=1e-12)


def test_everything_but_the_pooled_area_has_an_interval(annotate, masks, tmp_path):
    (folder,) = annotate({"ref": masks[1]})
    saved = save_probabilities(tmp_path / "prob", {k: m * 0.8 for k, m in masks[0].items()}, "png")
    evaluation = measured([saved, folder], EvaluationSettings(), resamples=99)
    for one in evaluation.estimates:
        has_none = (one.column.measure, one.aggregate) == ("average_precision", POOLED)
        assert np.isnan(one.low) == np.isnan(one.high) == has_none, one
        assert has_none or one.low <= one.value <= one.high


def test_arrays_are_scored_like_files(folders, masks):
    by_files = measured(folders, EvaluationSettings(), resamples=50, seed=3)
    pairs = (
        Pair(image_id, masks[1][image_id], predicted) for image_id, predicted in masks[0].items()
    )
    by_arrays = evaluate_pairs(pairs, resamples=50, seed=3)
    assert repr(by_arrays.estimates) == repr(by_files.estimates)
    assert by_arrays.image_ids == by_files.image_ids


def test_threads_change_nothing(folders):
    one, many = (
        measured(folders, EvaluationSettings(), jobs=jobs, resamples=50) for jobs in (1, 4)
    )
    assert repr(one.estimates) == repr(many.estimates)


def test_intervals_narrow_with_more_images():
    def width(count):
        pairs = (
            Pair(
                str(seed),
                drawn_lines(SHAPE, [seed, 0]),
                drawn_lines(SHAPE, [seed, 0]) ^ drawn_lines(SHAPE, [seed, 1], lines=1),
            )
            for seed in range(count)
        )
        one = figure(evaluate_pairs(pairs, EXACT, resamples=500), "jsi")
        assert one.low < one.value < one.high
        return one.high - one.low

    assert width(64) < width(8)


def test_inverted_masks_are_reported(annotate, caplog):
    folders = annotate({"P": {"u": mask("###.")}, "R": {"u": mask("...#")}})
    measured(folders)
    assert "predictions cover more than half of 1 image (u); " in caplog.text


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "no images"),
        ([Pair("u", mask("#."))], "neither a predicted mask nor a probability"),
        ([Pair("u", mask("#."), mask("#.."))], "of one shape"),
        ([Pair("u", mask("#."), probability=np.array([[2.0, 0]]))], "from 0 to 2"),
        (
            [Pair("u", mask("#."), mask("#.")), Pair("v", mask("#."), probability=np.ones((1, 2)))],
            "some images have probabilities",
        ),
    ],
)
def test_arrays_that_cannot_be_scored_are_refused(pairs, said):
    with pytest.raises(ArgumentError, match=said):
        evaluate_pairs(pairs)


@pytest.mark.real_data
def test_real_masks_have_scikit_learn_s_scores(real_data, annotate):
    paths = sorted((real_data / "wrinkle-pairs" / "masks").iterdir())[:12]
    references = {path.stem: read_mask(path) for path in paths}
    predictions = {
        image_id: np.roll(drawn, 1, axis=0) & ~np.roll(drawn, 3, axis=1)
        for image_id, drawn in references.items()
    }
    evaluation = measured(annotate({"pred": predictions, "ref": references}))
    for measure in LIBRARY:
        expected = [
            by_library(measure, references[image_id], predictions[image_id])
            for image_id in evaluation.image_ids
        ]
        assert_allclose(evaluation.of_images(Column(measure)), expected, atol=1e-12)
