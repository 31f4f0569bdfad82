import json

import numpy as np
import pytest
from filelock import FileLock
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, OutputError
from ffhq_wrinkle.segmentation.evaluation.comparison import compare_folders
from ffhq_wrinkle.segmentation.evaluation.evaluation_report import require_report, write_report
from ffhq_wrinkle.segmentation.evaluation.evaluation_tables import markdown, printed, record
from ffhq_wrinkle.segmentation.evaluation.measures import Column
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings, Pair
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_folders, evaluate_pairs
from tests.helpers.faces import drawn_face, drawn_lines, mask
from tests.helpers.files import files_of
from tests.helpers.tables import rows_of

SHAPE = (40, 50)
FOUND, INVENTED, MISSED = (255, 255, 255), (255, 110, 0), (0, 150, 255)


@pytest.fixture
def folders(annotate):
    """Fourteen images: the first of them perfect, the last empty in both."""
    references = {f"{n:05d}": drawn_lines(SHAPE, [n, 0], lines=6) for n in range(14)}
    predictions = {k: drawn ^ drawn_lines(SHAPE, [int(k), 1]) for k, drawn in references.items()}
    predictions["00000"] = references["00000"]
    references["00013"] = predictions["00013"] = np.zeros(SHAPE, bool)
    return annotate({"pred": predictions, "ref": references})


def evaluated(folders, settings=None, **options):
    return evaluate_folders(*folders[:2], settings, **{"resamples": 99, **options})


def test_a_report_has_tables_and_the_worst_images(folders, tmp_path):
    out = tmp_path / "deep" / "report"
    evaluation = evaluated(folders)
    write_report(evaluation, out)
    assert {path.name for path in out.glob("[!.]*")} == {
        "evaluation.json", "evaluation.md", "per_image.csv", "report.html", "worst",
    }  # fmt: skip
    jsi = evaluation.of_images(Column("jsi"))
    order = np.argsort(jsi)[:10]
    assert sorted(path.name for path in (out / "worst").iterdir()) == [
        f"{rank:02d}_{evaluation.image_ids[number]}.png" for rank, number in enumerate(order, 1)
    ]
    with Image.open(next((out / "worst").iterdir())) as image:
        assert image.size[0] == 1000  # 50 pixels, upsampled


def test_the_record_has_every_figure_and_its_origin(folders, tmp_path):
    evaluation = evaluated(folders)
    write_report(evaluation, tmp_path / "report")
    found = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert list(found) == [
        "command", "version", "predictions", "kind", "references", "settings", "images",
        "both_empty", "means_with_empty_as_1", "bootstrap", "estimates",
    ]  # fmt: skip
    assert (found["predictions"], found["references"]) == tuple(map(str, folders))
    assert (found["kind"], found["images"], found["both_empty"]) == ("masks", 14, 1)
    assert found["settings"] == {
        "threshold": 0.5, "resize": None, "within": None, "tolerances_px": [0, 1, 2, 3],
        "centrelines": True,
    }  # fmt: skip
    jsi = evaluation.of_images(Column("jsi"))
    expected = (np.nansum(jsi) + 1) / 14
    assert found["means_with_empty_as_1"]["jsi"] == pytest.approx(expected)
    first = found["estimates"][0]
    assert list(first) == [
        "measure", "tolerance_px", "aggregate", "images", "undefined", "value", "low", "high",
    ]  # fmt: skip
    assert first["value"] == pytest.approx(np.nanmean(jsi))
    assert (first["measure"], first["aggregate"], first["undefined"]) == (
        *("jsi", "mean over images"), 1,
    )  # fmt: skip
    assert len(found["estimates"]) == 2 * (5 + 1 + 4)


def test_the_record_of_arrays_has_the_same_structure(folders):
    by_arrays = record(evaluate_pairs([Pair("u", mask("...."), mask("...."))], resamples=0))
    assert list(by_arrays) == list(record(evaluated(folders)))
    assert by_arrays["predictions"] is by_arrays["references"] is None
    assert by_arrays["estimates"][0]["value"] is None
    assert by_arrays["means_with_empty_as_1"] == {"jsi": 1, "f1": 1}
    assert "NaN" not in json.dumps(by_arrays)


def test_images_are_listed_from_the_worst_with_counts_that_add_up(folders, tmp_path):
    write_report(evaluated(folders), tmp_path / "report")
    found = rows_of(tmp_path / "report" / "per_image.csv")
    assert (found[-1]["image_id"], found[-1]["jsi"]) == ("00013", "")
    assert (found[-2]["image_id"], found[-2]["jsi"]) == ("00000", "1.0")
    jsi = [float(row["jsi"]) for row in found[:-1]]
    assert jsi == sorted(jsi)
    for row in found[:-1]:
        counts = [
            int(row[f"{truth}_{sign}"])
            for truth, sign in (
                ("true", "positive"), ("false", "positive"), ("false", "negative"),
                ("true", "negative"),
            )
        ]  # fmt: skip
        assert sum(counts) == int(row["pixels"]) == SHAPE[0] * SHAPE[1]
        assert float(row["jsi"]) == pytest.approx(counts[0] / sum(counts[:3]))
        assert float(row["precision"]) == pytest.approx(counts[0] / sum(counts[:2]))
    assert {"f1", "accuracy", "recall", "cldice", "f1_0px", "f1_3px"} <= found[0].keys()


def test_among_images_with_the_same_jsi_more_wrong_pixels_are_worse():
    pairs = {
        "u": (mask("#..."), mask(".#..")),
        "v": (mask("##.."), mask("..##")),
        "w": (mask("...."), mask("....")),
        "x": (mask("##.."), mask("#...")),
    }
    evaluation = evaluate_pairs([Pair(k, *pair) for k, pair in pairs.items()])
    assert [evaluation.image_ids[n] for n in evaluation.worst_first()] == ["v", "u", "x", "w"]
    assert [evaluation.image_ids[n] for n in evaluation.worst()] == ["v", "u", "x"]


def test_a_comparison_is_part_of_the_report(folders, annotate, tmp_path):
    (other,) = annotate({"other": {f"{n:05d}": drawn_lines(SHAPE, [n, 5]) for n in range(14)}})
    comparison = compare_folders(folders[0], other, folders[1], resamples=99)
    write_report(comparison.first, tmp_path / "report", comparison=comparison)
    found = json.loads((tmp_path / "report" / "evaluation.json").read_text())["comparison"]
    assert (found["names"], found["other"]) == (["pred", "other"], str(other))
    assert found["differences"][0]["value"] == comparison.estimates[0].value
    assert found["differences"][0]["better"] == "pred"
    rows = {row["image_id"]: row for row in rows_of(tmp_path / "report" / "per_image.csv")}
    expected = comparison.per_image[3, 0]
    assert float(rows["00003"]["difference_jsi"]) == pytest.approx(expected)
    text = (tmp_path / "report" / "evaluation.md").read_text()
    assert "## pred minus other" in text
    assert "pred is better by JSI: difference +" in text


def test_the_printed_tables_hold_the_estimates(folders):
    text = printed(evaluated(folders, resamples=0))
    evaluation = evaluated(folders, resamples=0)
    for one in evaluation.estimates:
        assert f"{one.value:.4f}" in text
    assert "[" not in text
    assert "nan" not in text
    value = evaluation.mean_with_empty_as_1(Column("jsi"))
    assert "Empty in both masks: 1 image," in text
    assert f"JSI {value:.4f}" in text
    assert "Worst, by JSI: " in text
    assert markdown(evaluation).count("\n| ") == 11


def test_empty_masks_are_undefined_in_words():
    text = printed(evaluate_pairs([Pair("u", mask("...."), mask("...."))]))
    headline, *tables = text.split("\n\n")
    assert headline == "The predictions of one image have JSI undefined and F1 undefined."
    # All but accuracy, twice each, and the header.
    assert "\n\n".join(tables).count("undefined") == 18 + 1
    assert "nan" not in text
    assert "Worst" not in text


def test_only_the_face_is_drawn(annotate, tmp_path):
    left = np.zeros(SHAPE, bool)
    left[:, :25] = True
    folders = annotate({"P": {"u": ~left}, "R": {"u": left | True}, "faces": {"u": ~left}})
    folders[0].joinpath("u.png").unlink()
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(folders[0] / "u.png")
    write_report(evaluated(folders, EvaluationSettings(within=folders[2])), tmp_path / "report")
    with Image.open(tmp_path / "report" / "worst" / "01_u.png") as image:
        shown = np.array(image)[-800:]
    assert_array_equal(shown[:, :500], 0)
    assert (shown[:, 500:] == MISSED).all()


def test_a_photograph_is_drawn_beneath_if_given(folders, tmp_path, caplog):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(1, 13):
        Image.fromarray(drawn_face(100)[0][:80]).save(photos / f"{number:05d}.png")
    write_report(evaluated(folders), tmp_path / "plain")
    write_report(evaluated(folders), tmp_path / "report", photos=photos)
    for path in (tmp_path / "report" / "worst").iterdir():
        assert path.read_bytes() != (tmp_path / "plain" / "worst" / path.name).read_bytes()
    assert not caplog.messages


def test_probabilities_are_drawn_above_the_threshold(annotate, tmp_path):
    (ref,) = annotate({"ref": {"u": mask("#..")}})
    (tmp_path / "p").mkdir()
    np.save(tmp_path / "p" / "u.npy", np.array([[0.3, 0.3, 0.1]]))
    settings = EvaluationSettings(threshold=0.2)
    write_report(evaluate_folders(tmp_path / "p", ref, settings), tmp_path / "report")
    with Image.open(tmp_path / "report" / "worst" / "01_u.png") as image:
        shown = np.array(image)[-1, ::333][:3]
    assert_array_equal(shown, [FOUND, INVENTED, (0, 0, 0)])


def test_a_new_report_replaces_an_old_one_whole(folders, annotate, tmp_path):
    out = tmp_path / "report"
    write_report(evaluated(folders), out)
    fewer = annotate({"A": {"u": mask("#.")}, "B": {"u": mask("##")}})
    write_report(evaluated(fewer), out)
    write_report(evaluated(fewer), tmp_path / "fresh")
    assert files_of(out) == files_of(tmp_path / "fresh")


@pytest.mark.parametrize("name", ["thesis.txt", "worst/holiday.png", "agreement.json"])
def test_a_folder_with_other_files_is_refused_and_left_as_it_is(folders, tmp_path, name):
    out = tmp_path / "report"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(OutputError, match=f"holds other files, such as .*{name}"):
        write_report(evaluated(folders), out)
    assert files_of(out) == {name: b"mine"}


def test_a_report_does_not_go_where_masks_are_read(folders):
    with pytest.raises(ArgumentError, match="overlap"):
        require_report(folders[0], folders)


def test_two_reports_do_not_go_into_one_folder_at_a_time(folders, tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    with FileLock(out / ".evaluation.json.lock"), pytest.raises(OutputError, match="another run"):
        write_report(evaluated(folders), out)


def test_a_report_that_could_not_be_written_whole_has_no_record(folders, tmp_path, monkeypatch):
    out = tmp_path / "report"
    write_report(evaluated(folders), out)

    def full(path, content):
        raise OutputError("disk full")

    monkeypatch.setattr("ffhq_wrinkle.reports.report_folder.write_bytes", full)
    with pytest.raises(OutputError, match="disk full"):
        write_report(evaluated(folders), out)
    assert not (out / "evaluation.json").exists()
