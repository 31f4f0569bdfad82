"""The command as a process that is interrupted and killed."""

import json
import subprocess
import sys
import time

import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle.adjudication.claims import Claims
from tests.helpers.pictures import gray_pixels
from tests.helpers.processes import COMMAND, kill, run
from tests.helpers.reviews import RIGHT, TOP, A, C, Served, hundred_pieces


def test_ctrl_c_ends_it_within_a_second_with_everything_saved(folders, tmp_path):
    out = tmp_path / "out"
    with Served(folders, out) as server:
        assert server.decide("00007", TOP, "union").status_code == 200
        assert server.decide("00007", RIGHT, "annotator", position=0).status_code == 200
        seconds, printed, logged = server.interrupt()
    assert server.process.returncode == 0, logged
    assert printed == f"1 of 1 image done, in {out}; parts decided: ann 2\n"
    assert_array_equal(gray_pixels(out / "00007.png"), A * 255)
    assert json.loads((out / "review.json").read_text())["reviewers"] == {"ann": 2}
    assert not list(out.glob(".*under-way"))
    assert seconds < max(1, 30 * seconds_to_start_python())


def seconds_to_start_python():
    """0.02 s on an idle machine; more where other work takes the processor."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    return time.monotonic() - begin


def test_killed_in_the_middle_of_a_hundred_decisions(annotate, tmp_path):
    drawn, out = hundred_pieces(), tmp_path / "out"
    empty = np.zeros_like(drawn)
    folders = annotate({"A": {"x": drawn}, "B": {"x": empty}})
    with Served(folders, out) as server:
        parts = server.image("x")["parts"]
        assert len(parts) == 100
        # Even parts are wrinkle, odd ones are not.
        for place, part in enumerate(parts[:50]):
            body = {"reviewer": "ann", "image": "x", "part": part["part"], "basis": 0}
            choice = "nothing" if place % 2 else "union"
            assert server.post("api/decisions", {**body, "choice": choice}).status_code == 200
        kill(server.process)
    saved = (out / "decisions" / "ann.jsonl").read_bytes()
    assert len(saved.splitlines()) == 50
    assert not (out / "x.png").exists()
    with Served(folders, out) as server:
        again = server.image("x")["parts"]
        assert [part["part"] for part in again] == [part["part"] for part in parts]
        assert [bool(part["decision"]) for part in again] == [True] * 50 + [False] * 50
        for place in range(50, 100):
            choice = "nothing" if place % 2 else "union"
            assert server.decide("x", place, choice).status_code == 200
        server.interrupt()
    expected = drawn.copy()
    for place, part in enumerate(parts):
        top, left, height, width = part["box"]
        if place % 2:
            expected[top : top + height, left : left + width] = False
    assert_array_equal(gray_pixels(out / "x.png"), expected * 255)
    everything = (out / "decisions" / "ann.jsonl").read_bytes()
    assert everything.startswith(saved)
    assert [json.loads(line)["sequence"] for line in everything.splitlines()] == [*range(1, 101)]


def test_a_mask_whose_process_was_killed_before_it_was_written_is_written(folders, tmp_path):
    out = tmp_path / "out"
    with Served(folders, out) as server:
        server.decide("00007", TOP, "union")
        server.decide("00007", RIGHT, "nothing")
        kill(server.process)
    (out / "00007.png").unlink(missing_ok=True)
    with Served(folders, out) as server:
        server.interrupt()
    expected = C.copy()
    expected[0] = A[0]
    assert_array_equal(gray_pixels(out / "00007.png"), expected * 255)


def test_the_image_itself_is_not_in_the_queue_after_a_restart(folders, tmp_path):
    out = tmp_path / "out"
    with Served(folders, out) as server:
        server.decide("00007", TOP, "union")
        server.decide("00007", RIGHT, "nothing")
        server.interrupt()
    with Served(folders, out) as server:
        next_image = server.get("api/next", params={"reviewer": "ben"}).json()
        assert next_image["image"] is None
        assert next_image["progress"]["images_done"] == 1


def test_a_port_in_use_is_named(folders, tmp_path):
    with Served(folders, tmp_path / "out") as server:
        process, _, logged = run(
            "review", *folders, "--out", tmp_path / "other", "--port", server.port, command=COMMAND
        )
    assert process.returncode == 2
    assert f"port {server.port}: " in logged
    assert "choose another" in logged


def test_a_claim_lapses_unless_it_is_renewed():
    now = [0.0]
    claims = Claims(lapse_s=90, clock=lambda: now[0])
    key = ("00007", "aa")
    assert claims.claim(key, "ann") is None
    now[0] = 80
    assert claims.claim(key, "ben") == "ann"
    assert claims.claim(key, "ann") is None  # renewed
    now[0] = 160
    assert claims.holder(key) == "ann"
    assert claims.holder(key, besides="ann") is None
    now[0] = 171
    assert claims.claim(key, "ben") is None
    assert claims.holder(key) == "ben"
    claims.release("ben")
    assert claims.holder(key) is None
