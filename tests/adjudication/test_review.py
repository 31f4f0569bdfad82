"""Reviews without a server: what reviewers decide, and the masks that follow."""

import json
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.adjudication.decisions import ConflictError
from ffhq_wrinkle.adjudication.review import UnknownError
from ffhq_wrinkle.errors import ArgumentError, OutputError
from ffhq_wrinkle.results.failures import read_failures
from tests.helpers.faces import mask
from tests.helpers.pictures import gray_pixels
from tests.helpers.reviews import (
    MAJORITY,
    RIGHT,
    TOP,
    A,
    B,
    C,
    decide,
    part_ids,
    run_review,
)

EMPTY = np.zeros_like(A)


def decided(*choices, reviewer="ann"):
    """Decide both disputed parts of the image."""

    def run(review):
        for place, choice in choices:
            position = "ABC".index(choice) if choice in "ABC" else None
            name = "annotator" if choice in "ABC" else choice
            decide(review, reviewer, "00007", place, name, position=position)

    return run


def test_three_parts_of_which_one_is_settled(folders, out):
    def run(review):
        parts = review.described("00007", "ann")["parts"]
        assert [(part["box"], part["settled"]) for part in parts] == [
            ([0, 0, 1, 3], False),
            ([3, 7, 1, 2], False),
            ([7, 0, 1, 4], True),
        ]

    run_review(folders, out, run)
    assert not (out / "00007.png").exists()


@pytest.mark.parametrize(("top", "drawn"), [
    ("A", "###......"), ("B", "##......."), ("C", "........."), ("majority", "##......."),
    ("union", "###......"), ("nothing", "........."),
])  # fmt: skip
def test_the_mask_has_what_was_decided_and_what_is_settled(folders, out, top, drawn):
    report = run_review(folders, out, decided((TOP, top), (RIGHT, "nothing")))
    expected = C.copy()
    expected[0] = mask(drawn)[0]
    assert_array_equal(gray_pixels(out / "00007.png"), expected * 255)
    assert (report.images, report.done, report.decided) == (1, 1, {"ann": 2})


def test_drawn_pixels_can_lie_outside_the_part_and_take_the_place_of_it(folders, out):
    def run(review):
        drawn = {"box": [0, 1, 2, 4], "runs": [5, 1, 2]}
        decide(review, "ann", "00007", TOP, "drawn", drawn=drawn)
        decide(review, "ann", "00007", RIGHT, "annotator", position=0)

    run_review(folders, out, run)
    expected = A.copy()
    expected[0] = False
    expected[1, 2] = True  # run 5 of a box of 4 columns from column 1
    assert_array_equal(gray_pixels(out / "00007.png"), expected * 255)
    (line, _) = (out / "decisions" / "ann.jsonl").read_text().splitlines()
    assert json.loads(line)["drawn"] == {"box": [1, 2, 1, 1], "runs": [0, 1]}


def test_drawing_nothing_is_nothing(folders, out):
    def run(review):
        drawn = {"box": [0, 0, 1, 2], "runs": [2]}
        decide(review, "ann", "00007", TOP, "drawn", drawn=drawn)
        assert review.described("00007", "ann")["parts"][TOP]["decision"]["choice"] == "nothing"

    run_review(folders, out, run)


@pytest.mark.parametrize("drawn", [
    None, {}, [], {"box": [0, 0, 1], "runs": [1]}, {"box": [0, 0, 1, 2], "runs": [1]},
    {"box": [0, 0, 1, 2], "runs": [1, 2]}, {"box": [0, 8, 1, 2], "runs": [0, 2]},
    {"box": [-1, 0, 1, 2], "runs": [0, 2]}, {"box": [0, 0, 0, 2], "runs": []},
    {"box": [0, 0, 1, 2], "runs": [0, 3, -1]}, {"box": [0, 0, 1, 2.0], "runs": [0, 2]},
    {"box": [0, 0, 1, 2], "runs": "02"}, {"box": [0, 0, True, 2], "runs": [0, 2]},
])  # fmt: skip
def test_a_drawing_that_does_not_fit_is_refused_and_nothing_is_saved(folders, out, drawn):
    def run(review):
        with pytest.raises(ArgumentError):
            decide(review, "ann", "00007", TOP, "drawn", drawn=drawn)

    run_review(folders, out, run)
    assert not (out / "decisions").exists()


def test_undo_removes_the_mask_and_redo_writes_the_same_bytes(folders, out):
    def run(review):
        decided((TOP, "union"), (RIGHT, "A"))(review)
        review.results.wait()
        before = (out / "00007.png").read_bytes()
        assert review.undo("ann") == {"image": "00007", "part": part_ids(review, "00007")[RIGHT]}
        review.results.wait()
        assert not (out / "00007.png").exists()
        review.redo("ann")
        review.results.wait()
        assert (out / "00007.png").read_bytes() == before
        with pytest.raises(ArgumentError, match="nothing to redo"):
            review.redo("ann")

    run_review(folders, out, run)


def test_undo_works_after_a_restart(folders, out):
    run_review(folders, out, decided((TOP, "union"), (RIGHT, "A")))
    assert (out / "00007.png").exists()
    run_review(folders, out, lambda review: review.undo("ann"))
    assert not (out / "00007.png").exists()
    run_review(folders, out, lambda review: review.redo("ann"))
    assert (out / "00007.png").exists()


def test_a_decided_image_is_left_out_and_its_file_is_not_written_again(folders, out):
    run_review(folders, out, decided((TOP, "union"), (RIGHT, "A")))
    before = (out / "00007.png").stat().st_mtime_ns, (out / "review.csv").read_bytes()

    def run(review):
        assert review.results.is_complete("00007")
        assert review.next_image("ann") is None

    run_review(folders, out, run)
    assert ((out / "00007.png").stat().st_mtime_ns, (out / "review.csv").read_bytes()) == before


def test_a_revised_mask_opens_its_part_again_and_the_others_stay(folders, out, annotate):
    run_review(folders, out, decided((TOP, "union"), (RIGHT, "A")))
    revised = B.copy()
    revised[0, 2] = True
    annotate({"B": {"00007": revised}})

    def run(review):
        top, right, _ = review.described("00007", "ann")["parts"]
        assert (top["decision"], right["decision"]["choice"]) == (None, "annotator")
        assert review.next_image("ann") == "00007"

    run_review(folders, out, run)
    assert not (out / "00007.png").exists()
    run_review(folders, out, decided((TOP, "B")))
    assert_array_equal(gray_pixels(out / "00007.png"), A * 255)


def test_an_image_on_which_all_agree_needs_nobody(annotate, out):
    folders = annotate({name: {"00001": C, "00002": drawn} for name, drawn in (("A", A), ("B", C))})

    def run(review):
        assert review.next_image("ann") == "00002"
        while review.results.progress()["images_examined"] != 2:
            time.sleep(0.01)
        review.results.wait()

    run_review(folders, out, run)
    assert_array_equal(gray_pixels(out / "00001.png"), C * 255)
    assert not (out / "00002.png").exists()


def test_the_most_disputed_image_comes_first(annotate, out):
    little, much = mask("####."), mask("#####")
    folders = annotate({
        "A": {"x": much, "y": much, "z": much},
        "B": {"x": much, "y": ~much, "z": little},
    })  # fmt: skip

    def run(review):
        assert review.image_ids == ["y", "z", "x"]
        assert review.next_image("ann") == "y"
        assert review.next_image("ann", after="y") == "y"  # nothing else is disputed
        decide(review, "ann", "y", 0, "union")
        assert review.next_image("ann") is None  # z differs by one pixel only

    run_review(folders, out, run)


def test_what_lies_outside_the_face_is_not_wrinkle(annotate, folders, out, tmp_path):
    face = mask("/".join(["#" * 8 + "."] * 8))
    annotate({"faces": {"00007": face}}, under="")

    def run(review):
        assert [part["box"] for part in review.described("00007", "x")["parts"]] == [
            [0, 0, 1, 3], [3, 7, 1, 1], [7, 0, 1, 4],
        ]  # fmt: skip
        decide(review, "ann", "00007", TOP, "nothing")
        drawn = {"box": [3, 7, 1, 2], "runs": [0, 2]}
        decide(review, "ann", "00007", RIGHT, "drawn", drawn=drawn)

    run_review(folders, out, run, settings={"within": tmp_path / "faces"})
    expected = C.copy()
    expected[3, 7] = True
    assert_array_equal(gray_pixels(out / "00007.png"), expected * 255)


def test_a_decision_that_the_page_does_not_know_of_is_a_conflict(folders, out):
    def run(review):
        decide(review, "ann", "00007", TOP, "union")
        with pytest.raises(ConflictError, match="ann has decided it: union"):
            decide(review, "ben", "00007", TOP, "nothing", basis=0)
        with pytest.raises(ConflictError):  # a second window of the same person
            decide(review, "ann", "00007", TOP, "nothing", basis=0)
        decide(review, "ben", "00007", TOP, "nothing")  # now it has been shown
        with pytest.raises(ConflictError, match="ben has decided it: nothing"):
            decide(review, "ann", "00007", TOP, "union", basis=1)

    run_review(folders, out, run)


def test_a_part_that_another_reviewer_is_looking_at_is_a_conflict(folders, out):
    def run(review):
        top, right, _ = part_ids(review, "00007")
        assert review.claim("ann", "00007", top) is None
        assert review.claim("ben", "00007", top) == "ann"
        with pytest.raises(ConflictError, match="ann is looking at this part"):
            decide(review, "ben", "00007", TOP, "nothing")
        assert review.described("00007", "ben")["parts"][TOP]["claimed"] == "ann"
        assert review.claim("ann", "00007", right) is None  # which gives up the first one
        decide(review, "ben", "00007", TOP, "nothing")

    run_review(folders, out, run)


def test_names_are_hidden_in_an_order_of_each_image_that_is_recorded(annotate, out):
    ids = [f"{number:05d}" for number in range(20)]
    folders = annotate(
        {name: dict.fromkeys(ids, drawn) for name, drawn in zip("ABC", (A, B, C), strict=True)}
    )
    orders = set()

    def run(review):
        for image_id in ids:
            described = review.described(image_id, "ann")
            assert [each["name"] for each in described["annotators"]] == ["1", "2", "3"]
            assert "A" not in json.dumps(described["figures"])
            pixels = [each["pixels"] for each in described["annotators"]]
            assert sorted(pixels) == [4, 6, 9]
            position = pixels.index(9)  # A drew most
            decide(review, "ann", image_id, TOP, "annotator", position=position)
            packed = review.masks(image_id)
            octets = len(packed) // 3
            bits = np.frombuffer(packed[position * octets :][:octets], np.uint8)
            assert_array_equal(np.unpackbits(bits)[: A.size].reshape(A.shape), A)

    run_review(folders, out, run, review={"blind": True})
    for line in (out / "decisions" / "ann.jsonl").read_text().splitlines():
        saved = json.loads(line)
        assert saved["annotator"] == "A"
        assert saved["shown"]["blind"] is True
        assert sorted(saved["shown"]["order"]) == ["A", "B", "C"]
        orders.add(tuple(saved["shown"]["order"]))
    assert len(orders) > 2


def test_a_second_look_is_blind_and_does_not_change_the_result(folders, out):
    def run(review):
        decided((TOP, "union"), (RIGHT, "A"))(review)
        assert review.next_image("ann") is None
        assert review.next_image("ben") == "00007"
        parts = review.described("00007", "ben")["parts"]
        assert [part["decision"] for part in parts] == [None] * 3
        decide(review, "ben", "00007", TOP, "annotator", position=1)
        assert review.described("00007", "ann")["parts"][TOP]["decision"]["reviewer"] == "ann"
        assert review.described("00007", "ben")["parts"][TOP]["decision"]["reviewer"] == "ben"
        decide(review, "ben", "00007", RIGHT, "union")
        assert review.next_image("ben") is None
        assert review.next_image("eve") is None  # two have decided

    run_review(folders, out, run, review={"second_look": 1})
    assert_array_equal(gray_pixels(out / "00007.png"), A * 255)
    page = (out / "review.md").read_text()
    # ann has ### and ##, ben ## and ##: Jaccard 2/3 and 1.
    assert "| ann & ben | 0.8333" in page
    assert "00007, part" in page
    assert "ann union, ben annotator B" in page


def test_a_share_of_the_parts_is_decided_twice(annotate, out):
    ids = [f"{number:05d}" for number in range(400)]
    folders = annotate({"A": dict.fromkeys(ids, A[:1]), "B": dict.fromkeys(ids, B[:1] & False)})

    def run(review):
        parts = [part_ids(review, image_id)[0] for image_id in ids]
        share = np.mean([review.settings.has_second_look(part) for part in parts])
        assert 0.2 < share < 0.4  # four standard deviations of 0.3 are 0.09

    run_review(folders, out, run, review={"second_look": 0.3})


@pytest.mark.parametrize(("options", "error"), [
    ({"image_id": "00008"}, UnknownError), ({"part_id": "0" * 16}, UnknownError),
    ({"image_id": "../00007"}, UnknownError), ({"choice": "all"}, ArgumentError),
    ({"reviewer": "../ann"}, ArgumentError), ({"choice": "annotator"}, ArgumentError),
    ({"choice": "annotator", "position": 3}, ArgumentError),
    ({"choice": "annotator", "position": True}, ArgumentError),
    ({"choice": "drawn"}, ArgumentError),
])  # fmt: skip
def test_what_cannot_be_decided_is_refused(folders, out, options, error):
    def run(review):
        arguments = {
            "reviewer": "ann", "image_id": "00007", "part_id": part_ids(review, "00007")[0],
            "choice": "union", **options,
        }  # fmt: skip
        with pytest.raises(error):
            review.decide(**arguments)

    run_review(folders, out, run)
    assert not (out / "decisions").exists()


def test_images_that_cannot_be_read_are_listed(folders, out):
    for folder in folders:
        Image.fromarray(C * np.uint8(255)).save(folder / "00001.png")
    (folders[0] / "00001.png").write_bytes(b"nonsense")

    def run(review):
        assert review.image_ids == ["00007"]

    assert run_review(folders, out, run).failed == 1
    ((path, step, reason),) = read_failures(out)
    assert (path, step) == ("00001.png", "read")
    assert "A/00001.png" in reason


def test_a_mask_corrected_by_hand_is_left_alone(folders, out):
    run_review(folders, out, decided((TOP, "union"), (RIGHT, "A")))
    Image.fromarray(EMPTY * np.uint8(255)).save(out / "00007.png")
    report = run_review(folders, out, lambda review: review.undo("ann"))
    assert report.strangers == ["00007"]
    assert not gray_pixels(out / "00007.png").any()
    run_review(folders, out, decided((RIGHT, "A")), overwrite=True)
    assert_array_equal(gray_pixels(out / "00007.png"), A * 255)


def test_two_reviews_cannot_write_to_the_same_folder(folders, out):
    def run(review):
        with pytest.raises(OutputError, match="another run is writing"):
            run_review(folders, out, lambda review: None)

    run_review(folders, out, run)


def test_other_settings_are_refused_and_decisions_survive_them(folders, out):
    run_review(folders, out, decided((TOP, "union"), (RIGHT, "A")))
    with pytest.raises(OutputError, match=r"tolerance_px 1\.0 there and 2 now"):
        run_review(folders, out, lambda review: None, review={"tolerance_px": 2})
    report = run_review(
        folders,
        out,
        lambda review: review.results.wait(),
        review={"tolerance_px": 2},
        overwrite=True,
    )
    assert (report.done, report.decided) == (1, {"ann": 2})


def test_the_majority_taken_everywhere_is_what_fuse_labels_writes(folders, out):
    run_review(folders, out, decided((TOP, "majority"), (RIGHT, "majority")))
    assert_array_equal(gray_pixels(out / "00007.png"), MAJORITY * 255)
