import logging
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from ffhq_wrinkle.images.masks import read_mask
from ffhq_wrinkle.measures.estimates import MEAN, POOLED
from ffhq_wrinkle.measures.metrics import near_dice
from ffhq_wrinkle.segmentation.evaluation.centrelines import centreline_overlap
from ffhq_wrinkle.segmentation.evaluation.measures import Column
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings, Pair
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_folders, evaluate_pairs
from tests.helpers.faces import drawn_lines, mask
from tests.helpers.neighbourhoods import near

LIBRARY = {
    "jsi": jaccard_score, "f1": f1_score, "accuracy": accuracy_score,
    "precision": precision_score, "recall": recall_score,
}  # fmt: skip
SHAPE = (40, 50)
EXACT = EvaluationSettings(tolerances_px=(), centrelines=False)


def measured(folders, settings=EXACT, **options):
    return evaluate_folders(folders[0], folders[1], settings, **{"resamples": 0, **options})


def figure(evaluation, measure, aggregate=MEAN, tolerance=None):
    (found,) = (
        one
        for one in evaluation.estimates
        if one.column == (measure, tolerance) and one.aggregate == aggregate
    )
    return found


def by_library(measure, reference, predicted):
    """What scikit-learn says; NaN where it would warn of 0/0."""
    options = {"zero_division": np.nan} if measure in ("precision", "recall") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = LIBRARY[measure](reference.ravel(), predicted.ravel(), **options)
    if measure in ("jsi", "f1"):
        return value if reference.any() or predicted.any() else np.nan
    return value


def random_masks(seed, share):
    return np.random.default_rng(seed).random(SHAPE) < share


@pytest.fixture
def masks():
    """References and predictions: random, lines, full, empty, and one of them empty."""
    empty, full = np.zeros(SHAPE, bool), np.ones(SHAPE, bool)
    pairs = [(random_masks(seed, 0.1), random_masks(seed + 50, 0.3)) for seed in range(4)]
    pairs += [(drawn_lines(SHAPE, seed), drawn_lines(SHAPE, seed + 9)) for seed in range(4)]
    pairs += [(full, full), (full, random_masks(7, 0.5)), (empty, empty), (empty, full)]
    pairs += [(drawn_lines(SHAPE, 1), empty), (empty, empty)]
    references = {f"{number:05d}": pair[0] for number, pair in enumerate(pairs)}
    predictions = {f"{number:05d}": pair[1] for number, pair in enumerate(pairs)}
    return predictions, references


@pytest.fixture
def folders(annotate, masks):
    return annotate({"pred": masks[0], "ref": masks[1]})


def save_probabilities(folder, probabilities, kind):
    folder.mkdir(parents=True, exist_ok=True)
    for image_id, probability in probabilities.items():
        if kind == "png":
            levels = np.round(probability * 65535).astype(np.uint16)
            Image.fromarray(levels).save(folder / f"{image_id}.png")
        else:
            np.save(folder / f"{image_id}.npy", probability.astype(kind))
    return folder


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


def test_what_is_undefined_is_counted_and_left_out(folders):
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


def test_near_f1_and_cldice_are_those_of_agreement_s_measures(annotate):
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


def test_the_pooled_area_has_no_interval_and_all_else_has(annotate, masks, tmp_path):
    (folder,) = annotate({"ref": masks[1]})
    saved = save_probabilities(tmp_path / "prob", {k: m * 0.8 for k, m in masks[0].items()}, "png")
    evaluation = measured([saved, folder], EvaluationSettings(), resamples=99)
    for one in evaluation.estimates:
        has_none = (one.column.measure, one.aggregate) == ("average_precision", POOLED)
        assert np.isnan(one.low) == np.isnan(one.high) == has_none, one
        assert has_none or one.low <= one.value <= one.high


def test_what_predict_wrote_is_scored_by_its_masks_and_its_probabilities(annotate, tmp_path):
    drawn, other = drawn_lines(SHAPE, 0), drawn_lines(SHAPE, 1)
    (ref,) = annotate({"ref": {"00007": drawn}})
    annotate({"masks": {"00007": other}}, under="out")
    random = np.random.default_rng(0).random(SHAPE)
    save_probabilities(tmp_path / "out" / "probabilities", {"00007": random}, "float32")
    evaluation = measured([tmp_path / "out", ref])
    assert evaluation.source.predictions.kind == "masks and probabilities"
    assert figure(evaluation, "jsi").value == pytest.approx(by_library("jsi", drawn, other))
    expected = average_precision_score(drawn.ravel(), np.round(random.ravel() * 65535))
    assert figure(evaluation, "average_precision").value == pytest.approx(expected)


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


def test_only_the_face_counts(annotate):
    pred, ref, faces = annotate(
        {"P": {"u": mask("##.#")}, "R": {"u": mask("#..#")}, "faces": {"u": mask("###.")}}
    )
    evaluation = measured([pred, ref], EvaluationSettings(within=faces))
    assert figure(evaluation, "jsi").value == 1 / 2
    assert figure(evaluation, "accuracy").value == 2 / 3
    assert figure(evaluation, "f1", MEAN, 3).value == 1
    assert evaluation.scores.pixels.tolist() == [3]


def test_a_missing_prediction_is_an_error(folders):
    (folders[0] / "00003.png").unlink()
    (folders[0] / "00001.png").unlink()
    with pytest.raises(EvaluationError) as caught:
        measured(folders)
    assert str(caught.value) == (
        f"2 of 14 images have no prediction in {folders[0]}, first 00001. Run `ffhq-wrinkle "
        "predict` on them, or score fewer with --ids-file"
    )
    assert len(measured(folders, ids=parse_ids("4-9")).image_ids) == 6


def test_a_missing_probability_is_an_error_too(annotate, tmp_path):
    drawn = {name: drawn_lines(SHAPE, 0) for name in ("00001", "00002")}
    (ref,) = annotate({"ref": drawn})
    annotate({"masks": drawn}, under="out")
    save_probabilities(tmp_path / "out" / "probabilities", {"00001": drawn["00001"] * 1.0}, "png")
    with pytest.raises(EvaluationError, match=r"1 of 2 images have no prediction in .*first 00002"):
        measured([tmp_path / "out", ref])


def test_a_reference_that_was_asked_for_must_be_there(folders):
    with pytest.raises(EvaluationError, match=r"1 of 3 images have no reference in .*first 00077"):
        measured(folders, ids=parse_ids("1-2,77"))


def test_a_missing_face_mask_is_an_error(folders, annotate, masks):
    (faces,) = annotate({"faces": {"00000": np.ones(SHAPE, bool)}})
    with pytest.raises(EvaluationError, match=r"13 of 14 images have no face mask in .*00001"):
        measured(folders, EvaluationSettings(within=faces))


def test_predictions_without_a_reference_are_mentioned(folders, caplog):
    (folders[1] / "00003.png").unlink()
    with caplog.at_level(logging.INFO):
        assert len(measured(folders).image_ids) == 13
    assert f"1 predictions in {folders[0]} have no reference" in caplog.messages


def test_all_unreadable_files_are_tried_and_the_first_is_named(folders):
    (folders[0] / "00002.png").write_bytes(b"\x89PNG broken")
    (folders[1] / "00005.png").write_bytes(b"")
    with pytest.raises(EvaluationError, match=r"pred/00002\.png: .* \(2 images in all\)$"):
        measured(folders)


def test_other_sizes_are_refused_with_both_named(folders):
    Image.fromarray(np.zeros((20, 25), np.uint8)).save(folders[0] / "00004.png")
    with pytest.raises(
        EvaluationError, match=r"pred/00004\.png is 25x20, but .*ref/00004\.png is 50x40; .*nearest"
    ):
        measured(folders)


def test_other_sizes_are_brought_to_the_reference_s_if_asked(annotate, tmp_path):
    small = mask("#. / .#")
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    pred, ref, faces = annotate({"P": {"u": small}, "R": {"u": large}, "faces": {"u": mask("##")}})
    settings = EvaluationSettings(resize="nearest", within=faces)
    assert figure(measured([pred, ref], settings), "jsi").value == 1
    soft = save_probabilities(tmp_path / "soft", {"u": small * 0.9}, "float16")
    evaluation = measured([soft, ref], settings)
    assert [figure(evaluation, one).value for one in ("jsi", "average_precision")] == [1, 1]


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[0.5, 1.5]]), r"from 0\.5 to 1\.5"),
        (np.array([[-4, 4.0]], np.float16), "from -4 to 4"),
        (np.array([[0, 1]]), "not int64"),
        (np.zeros((1, 2, 2)), r"\(1, 2, 2\)"),
        (np.array([[None, 1]]), "no array"),
        (b"\x93NUMPY broken", "damaged"),
        (b"\x93NUMPY\x01\x00\x04\x00{'a(", "damaged"),
        (b"", "damaged"),
    ],
)
def test_an_npy_that_holds_no_probability_is_named(annotate, tmp_path, array, said):
    (ref,) = annotate({"ref": {"u": mask("##"), "v": mask("##")}})
    folder = save_probabilities(tmp_path / "p", {"u": np.ones((1, 2))}, "float64")
    path = folder / "v.npy"
    path.write_bytes(array) if isinstance(array, bytes) else np.save(path, array)
    with pytest.raises(EvaluationError, match=rf"v\.npy: .*{said}"):
        measured([folder, ref])


def test_big_endian_probabilities_are_read(annotate, tmp_path):
    (ref,) = annotate({"ref": {"u": mask("#.")}})
    folder = save_probabilities(tmp_path / "p", {"u": np.array([[0.9, 0.2]])}, ">f2")
    assert figure(measured([folder, ref]), "jsi").value == 1


def test_kinds_of_predictions_do_not_mix(annotate, tmp_path):
    drawn = {"u": drawn_lines(SHAPE, 0), "v": drawn_lines(SHAPE, 1)}
    (ref,) = annotate({"ref": drawn})
    soft = save_probabilities(tmp_path / "soft", {k: m * 0.9 for k, m in drawn.items()}, "png")
    Image.fromarray(drawn["v"] * np.uint8(255)).save(soft / "v.png")
    with pytest.raises(EvaluationError, match=r"v\.png: not a 16-bit gray PNG, as the others"):
        measured([soft, ref])
    (soft / "v.png").unlink()
    np.save(soft / "v.npy", np.ones(SHAPE))
    with pytest.raises(ArgumentError, match=r"has both v\.npy and u\.png"):
        measured([soft, ref])
    (soft / "u.png").unlink()
    np.save(soft / "u.npy", np.ones(SHAPE, np.float16))
    with pytest.raises(EvaluationError, match=r"v\.npy: some probabilities are float16"):
        measured([soft, ref])


def test_gray_masks_are_refused_with_advice_for_predictions(folders):
    Image.fromarray(np.arange(2000, dtype=np.uint8).reshape(SHAPE)).save(folders[0] / "00001.png")
    with pytest.raises(
        EvaluationError, match=r"00001\.png: not a mask of two .*as 16-bit gray PNG"
    ):
        measured(folders)


def test_masks_of_16_bits_are_remarked_on(annotate, tmp_path, caplog):
    (ref,) = annotate({"ref": {"u": mask("#...")}})
    folder = save_probabilities(tmp_path / "p", {"u": mask("#...") * 255 / 65535}, "png")
    measured([folder, ref])
    assert "if these are masks, save them with 8 bits" in caplog.text


def test_masks_turned_round_are_remarked_on(annotate, caplog):
    folders = annotate({"P": {"u": mask("###.")}, "R": {"u": mask("...#")}})
    measured(folders)
    assert "predictions cover more than half of 1 image (u); " in caplog.text


def test_references_may_be_a_data_set_and_anything_in_shards(annotate, tmp_path):
    drawn = {"00007": drawn_lines(SHAPE, 0), "01007": drawn_lines(SHAPE, 1)}
    annotate({"manual_wrinkle_masks": drawn}, under="data")
    for image_id, one in drawn.items():
        annotate({f"{image_id[:2]}000": {image_id: one}}, under="pred")
    evaluation = measured([tmp_path / "pred", tmp_path / "data"])
    assert evaluation.image_ids == ["00007", "01007"]
    assert figure(evaluation, "jsi").value == 1


def test_references_are_not_scored_against_themselves(folders, tmp_path):
    with pytest.raises(ArgumentError, match="are the same folder"):
        measured([folders[1], folders[1]])
    with pytest.raises(ArgumentError, match="has no reference masks"):
        measured([folders[0], tmp_path])


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
def test_arrays_that_can_not_be_scored_are_refused(pairs, said):
    with pytest.raises(ArgumentError, match=said):
        evaluate_pairs(pairs)


@pytest.mark.parametrize(
    "settings", [{"threshold": 1}, {"threshold": -0.1}, {"tolerances_px": (-1,)}]
)
def test_settings_that_can_not_be_are_refused(settings):
    with pytest.raises(ArgumentError):
        EvaluationSettings(**settings)


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
