"""What the tables of a review say, computed by hand from masks of a few pixels."""

import json

import pytest

from tests.helpers.reviews import RIGHT, TOP, A, B, C, decide, part_ids, run_review
from tests.helpers.tables import rows_of


@pytest.fixture
def out(tmp_path, annotate):
    """A review in which A's first line was followed, and the second part was drawn."""
    folders = annotate({"A": {"00007": A}, "B": {"00007": B}, "C": {"00007": C}})
    out = tmp_path / "out"

    def run(review):
        decide(review, "ann", "00007", TOP, "annotator", position=0)
        drawn = {"box": [3, 6, 1, 2], "runs": [0, 2]}
        decide(review, "ben", "00007", RIGHT, "drawn", drawn=drawn)
        review.remark("ben", "00007", part_ids(review, "00007")[RIGHT], "A hair?\nLook | again")

    run_review(folders, out, run)
    return out


def test_a_row_for_the_image_and_for_each_part(out):
    image, top, right, bottom = rows_of(out / "review.csv")
    assert (image["part"], image["state"], image["pixels"]) == ("", "decided", "9")
    # The result has ### at the top, ## from column 6, and #### at the bottom: 9 pixels. A drew 9,
    # one column further right (union 10); B drew ## and #### (intersection 6, union 9).
    assert image["jaccard_A"] == "0.8"
    assert image["differing_px_A"] == "2"
    assert image["jaccard_B"] == image["jaccard_majority"] == "0.666667"
    assert image["jaccard_C"] == "0.444444"
    assert (image["differing_px_B"], image["differing_px_C"]) == ("3", "5")
    assert (top["state"], top["choice"], top["annotator"]) == ("decided", "annotator", "A")
    assert [top[key] for key in ("top", "left", "height", "width")] == ["0", "0", "1", "3"]
    assert (top["jaccard_A"], top["jaccard_B"], top["jaccard_C"]) == ("1.0", "0.666667", "0.0")
    assert (right["reviewer"], right["choice"], right["pixels"]) == ("ben", "drawn", "2")
    assert (right["jaccard_A"], right["differing_px_A"]) == ("0.333333", "2")
    assert right["remarks"] == "ben: A hair?\nLook | again"
    assert (bottom["state"], bottom["choice"], bottom["reviewer"]) == ("settled", "majority", "")
    assert bottom["jaccard_C"] == "1.0"


def test_the_record_has_the_same_and_the_settings(out):
    record = json.loads((out / "review.json").read_text())
    assert record["command"] == "review"
    assert record["reviewers"] == {"ann": 1, "ben": 1}
    assert record["settings"]["tolerance_px"] == 1.0
    (image,) = record["images"]
    assert image["jaccard"]["A"] == 0.8
    assert [part["choice"] for part in image["parts"]] == ["annotator", "drawn", "majority"]


def test_the_page_says_who_chose_what(out):
    page = (out / "review.md").read_text()
    assert "1 of 1 image done; 3 parts: 2 decided, 1 settled by the majority, 0 open." in page
    lines = [line.replace(" ", "") for line in page.splitlines()]
    assert "|annotatorA|1|0|1|" in lines
    assert "|drawn|0|1|1|" in lines
    assert "|A|0.8000|1|2|" in lines
    assert "A hair?" in page


def test_an_open_part_has_no_figures(tmp_path, annotate):
    folders = annotate({"A": {"x": A}, "B": {"x": B}})
    out = tmp_path / "out"
    run_review(folders, out, lambda review: decide(review, "ann", "x", TOP, "union"))
    image, top, right, _ = rows_of(out / "review.csv")
    assert (image["state"], image["pixels"], image["jaccard_A"]) == ("open", "", "")
    assert (top["state"], right["state"]) == ("decided", "open")
    assert (right["choice"], right["pixels"], right["jaccard_A"]) == ("", "", "")


def test_what_is_known_of_an_image_survives_a_restart(out, annotate, tmp_path):
    before = (out / "review.csv").read_bytes()
    folders = [tmp_path / "annotators" / name for name in "ABC"]
    run_review(folders, out, lambda review: None)
    assert (out / "review.csv").read_bytes() == before
