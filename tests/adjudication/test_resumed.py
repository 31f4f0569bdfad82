"""What a review keeps for the next start: rows of the tables and tallies of the queue."""

import json

import numpy as np
import pytest

from ffhq_wrinkle.adjudication import adjudicated, queue, tally_store
from ffhq_wrinkle.adjudication.row_store import STORE as ROWS
from ffhq_wrinkle.adjudication.tally_store import STORE as TALLIES
from ffhq_wrinkle.dataset.ids import parse_ids
from tests.helpers.processes import kill
from tests.helpers.reviews import RIGHT, TOP, A, B, C, Served, decide, part_ids, run_review
from tests.helpers.tables import rows_of

IDS = ["00001", "00002", "00003"]


@pytest.fixture
def three(annotate):
    """Three images of three annotators."""
    return annotate(
        {name: dict.fromkeys(IDS, drawn) for name, drawn in (("A", A), ("B", B), ("C", C))}
    )


def decide_all(review, ids=IDS):
    for image_id in ids:
        decide(review, "ann", image_id, TOP, "union")
        decide(review, "ann", image_id, RIGHT, "nothing")


def states(out):
    """The state of each image in the table, by id."""
    return {row["image_id"]: row["state"] for row in rows_of(out / "review.csv") if not row["part"]}


def test_the_tables_are_whole_although_the_review_was_killed(three, out):
    with Served(three, out) as server:
        for image_id in IDS:
            server.decide(image_id, TOP, "union")
            server.decide(image_id, RIGHT, "nothing")
        kill(server.process)
    assert not (out / "review.csv").exists()
    with Served(three, out) as server:
        server.interrupt()
    assert states(out) == dict.fromkeys(IDS, "decided")
    assert not (out / ROWS).exists()


def test_a_remark_before_a_kill_is_in_the_tables(three, out):
    run_review(three, out, decide_all)
    with Served(three, out) as server:
        part = server.image("00002")["parts"][TOP]["part"]
        about = {"reviewer": "ann", "image": "00002", "part": part, "remark": "A hair?"}
        assert server.post("api/remarks", about).status_code == 200
        kill(server.process)
    run_review(three, out, lambda review: review.results.wait())
    remarks = {row["remarks"] for row in rows_of(out / "review.csv") if row["image_id"] == "00002"}
    assert remarks == {"", "ann: A hair?"}


def test_a_review_of_one_image_keeps_the_rows_of_the_others(three, out):
    run_review(three, out, decide_all)
    run_review(three, out, lambda review: review.undo("ann"), ids=parse_ids("3"))
    assert states(out) == {"00001": "decided", "00002": "decided", "00003": "open"}
    assert len(json.loads((out / "review.json").read_text())["images"]) == 3


def test_rows_of_images_that_are_gone_are_dropped(three, out):
    run_review(three, out, decide_all)
    for folder in three:
        (folder / "00002.png").unlink()
    run_review(three, out, lambda review: None)
    assert set(states(out)) == {"00001", "00003"}


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1000])
def test_a_damaged_file_of_rows_or_tallies_is_made_again(three, out, content):
    run_review(three, out, decide_all)
    before = (out / "review.csv").read_bytes()
    (out / "review.json").rename(out / ".review.json.under-way")  # as if killed
    (out / ROWS).write_bytes(content)
    (out / TALLIES).write_bytes(content)
    run_review(three, out, lambda review: review.results.wait())
    assert (out / "review.csv").read_bytes() == before


def read_counts(monkeypatch):
    """Count the images whose masks are decoded for the queue."""
    counts = []
    tally_images = queue.tally_images

    def counting(images, *arguments, **options):
        counts.append(len(images))
        return tally_images(images, *arguments, **options)

    monkeypatch.setattr(queue, "tally_images", counting)
    return counts


def test_only_masks_that_have_changed_are_read_for_the_queue(three, out, annotate, monkeypatch):
    counts = read_counts(monkeypatch)
    orders = []
    run_review(three, out, lambda review: orders.append(list(review.image_ids)))
    run_review(three, out, lambda review: orders.append(list(review.image_ids)), ids=parse_ids("2"))
    annotate({"B": {"00003": A}, "C": {"00003": A}})  # nobody disagrees any more
    run_review(three, out, lambda review: orders.append(list(review.image_ids)))
    assert counts == [3, 0, 1]
    assert orders == [["00001", "00002", "00003"], ["00002"], ["00001", "00002", "00003"]]
    run_review(three, out, lambda review: orders.append(review.queue.disagreement.tolist()))
    assert counts[-1] == 0
    # A & B: 6 of 9 + 0; A & C: 4 of 9; B & C: 4 of 6. And 0 for the image that all drew alike.
    mean = 1 - np.mean([6 / 9, 4 / 9, 4 / 6])
    assert orders[-1] == pytest.approx([mean, mean, 0])


def test_other_settings_or_versions_read_masks_again(three, out, monkeypatch):
    counts = read_counts(monkeypatch)
    run_review(three, out, lambda review: None)
    monkeypatch.setattr(tally_store, "__version__", "0.0.0")
    run_review(three, out, lambda review: None)
    assert counts == [3, 3]


def test_a_mask_that_is_broken_after_the_start_does_not_stop_the_others(three, out, monkeypatch):
    seen = []
    make_queue = adjudicated.make_queue

    def queue_and_break(*arguments, **options):
        made = make_queue(*arguments, **options)
        (three[1] / "00001.png").write_bytes(b"broken")
        return made

    def run(review):
        seen.append(review.next_image("ann"))
        decide_all(review, IDS[1:])
        seen.append(review.next_image("ann"))

    monkeypatch.setattr(adjudicated, "make_queue", queue_and_break)
    report = run_review(three, out, run)
    assert seen == ["00002", None]
    assert (report.done, report.failed) == (2, 1)
    assert "00001.png" in (out / "failures.csv").read_text()


def test_a_decision_changed_by_hand_that_does_not_fit_is_listed(three, out):
    run_review(three, out, lambda review: decide_all(review, IDS[:1]))
    path = out / "decisions" / "ann.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    record = json.loads(lines[0])
    record.update(choice="drawn", drawn={"box": [0, 0, 99, 99], "runs": [9801]})
    path.write_bytes(json.dumps(record).encode() + b"\n" + lines[1])
    report = run_review(three, out, lambda review: decide_all(review, IDS[1:]))
    assert (report.done, report.failed) == (2, 1)
    assert "is not inside an image" in (out / "failures.csv").read_text()


def test_a_mask_that_cannot_be_written_is_listed_and_the_others_are_written(three, out):
    def run(review):
        (out / "00001.png").mkdir()  # in the way of the mask
        decide_all(review)

    report = run_review(three, out, run)
    assert report.failed == 1
    assert "00001.png" in (out / "failures.csv").read_text()
    assert (out / "00002.png").is_file()
    assert (out / "00003.png").is_file()


def test_what_the_page_reports_cannot_replace_the_recorded_order(three, out):
    def run(review):
        part_id = part_ids(review, "00001")[TOP]
        review.decide("ann", "00001", part_id, "union", shown={"order": ["C"], "blind": True})

    run_review(three, out, run)
    (line,) = (out / "decisions" / "ann.jsonl").read_bytes().splitlines()
    assert json.loads(line)["shown"] == {"order": ["A", "B", "C"], "blind": False}
