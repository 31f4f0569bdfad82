import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import (
    average_precision_score,
)

from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from tests.helpers.evaluation import SHAPE, by_library, figure, measured, save_probabilities
from tests.helpers.faces import drawn_lines, mask


def test_a_folder_of_predict_is_scored_by_its_masks_and_its_probabilities(annotate, tmp_path):
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


def test_a_missing_probability_is_an_error_too(annotate, tmp_path):
    drawn = {name: drawn_lines(SHAPE, 0) for name in ("00001", "00002")}
    (ref,) = annotate({"ref": drawn})
    annotate({"masks": drawn}, under="out")
    save_probabilities(tmp_path / "out" / "probabilities", {"00001": drawn["00001"] * 1.0}, "png")
    with pytest.raises(EvaluationError, match=r"1 of 2 images has no prediction in .*first 00002"):
        measured([tmp_path / "out", ref])


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[0.5, 1.5]]), r"from 0\.5 to 1\.5"),
        (np.array([[-4, 4.0]], np.float16), "from -4 to 4"),
        (np.array([[0, 1]]), "not int64"),
        (np.zeros((1, 2, 2)), r"\(1, 2, 2\)"),
        (np.array([[None, 1]]), "not an array"),
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


@pytest.mark.parametrize("kind", [">f2", ">f4", ">f8"])
def test_big_endian_probabilities_of_any_layout_are_read(annotate, tmp_path, kind):
    (ref,) = annotate({"ref": {"u": mask("#. / ##")}})
    probability = np.asfortranarray([[0.9, 0.2], [0.6, 0.8]])
    folder = save_probabilities(tmp_path / "p", {"u": probability}, kind)
    assert figure(measured([folder, ref]), "jsi").value == 1
    assert figure(measured([folder, ref]), "average_precision").value == 1


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


def test_masks_of_16_bits_are_reported(annotate, tmp_path, caplog):
    (ref,) = annotate({"ref": {"u": mask("#...")}})
    folder = save_probabilities(tmp_path / "p", {"u": mask("#...") * 255 / 65535}, "png")
    measured([folder, ref])
    assert "if these are masks, save them with 8 bits" in caplog.text
