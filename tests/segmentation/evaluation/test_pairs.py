import logging

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from ffhq_wrinkle.measures.estimates import MEAN
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings
from tests.helpers.evaluation import (
    SHAPE,
    figure,
    measured,
    save_probabilities,
)
from tests.helpers.faces import drawn_lines, mask


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


def test_a_missing_reference_is_an_error(folders):
    with pytest.raises(EvaluationError, match=r"1 of 3 images has no reference in .*first 00077"):
        measured(folders, ids=parse_ids("1-2,77"))


def test_a_missing_face_mask_is_an_error(folders, annotate, masks):
    (faces,) = annotate({"faces": {"00000": np.ones(SHAPE, bool)}})
    with pytest.raises(EvaluationError, match=r"13 of 14 images have no face mask in .*00001"):
        measured(folders, EvaluationSettings(within=faces))


def test_predictions_without_a_reference_are_mentioned(folders, caplog):
    (folders[1] / "00003.png").unlink()
    with caplog.at_level(logging.INFO):
        assert len(measured(folders).image_ids) == 13
    assert f"1 prediction in {folders[0]} without a reference" in caplog.messages


def test_all_unreadable_files_are_tried_and_the_first_is_named(folders):
    (folders[0] / "00002.png").write_bytes(b"\x89PNG broken")
    (folders[1] / "00005.png").write_bytes(b"")
    with pytest.raises(EvaluationError, match=r"pred/00002\.png: .* \(2 images in all\)$"):
        measured(folders)


def test_different_sizes_are_refused_with_both_files_named(folders):
    Image.fromarray(np.zeros((20, 25), np.uint8)).save(folders[0] / "00004.png")
    with pytest.raises(
        EvaluationError, match=r"pred/00004\.png is 25x20, but .*ref/00004\.png is 50x40; .*nearest"
    ):
        measured(folders)


def test_different_sizes_are_resized_to_the_reference_if_asked(annotate, tmp_path):
    small = mask("#. / .#")
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    pred, ref, faces = annotate({"P": {"u": small}, "R": {"u": large}, "faces": {"u": mask("##")}})
    settings = EvaluationSettings(resize="nearest", within=faces)
    assert figure(measured([pred, ref], settings), "jsi").value == 1
    soft = save_probabilities(tmp_path / "soft", {"u": small * 0.9}, "float16")
    evaluation = measured([soft, ref], settings)
    assert [figure(evaluation, one).value for one in ("jsi", "average_precision")] == [1, 1]


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
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match="has no reference masks"):
        measured([folders[0], tmp_path / "empty"])


@pytest.mark.parametrize(
    "settings", [{"threshold": 1}, {"threshold": -0.1}, {"tolerances_px": (-1,)}]
)
def test_invalid_settings_are_refused(settings):
    with pytest.raises(ArgumentError):
        EvaluationSettings(**settings)
