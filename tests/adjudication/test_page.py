"""The page in a real browser; what counts are the bytes of masks and decisions, not the canvas."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.helpers.browsers import Window
from tests.helpers.faces import mask
from tests.helpers.pictures import gray_pixels
from tests.helpers.processes import kill, run
from tests.helpers.reviews import A, B, C, Served, hundred_pieces


def saved(out, reviewer="ann"):
    lines = (out / "decisions" / f"{reviewer}.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def choices(out, reviewer="ann"):
    return [
        entry.get("choice", entry["action"]) + entry.get("annotator", "")
        for entry in saved(out, reviewer)
    ]


@pytest.mark.parametrize(("keys", "decided", "top", "right"), [
    (["Enter", "Enter"], ["majority", "majority"], B, B),
    (["Shift+Digit1", "Shift+Digit3"], ["annotatorA", "annotatorC"], A, C),
    (["u", "x"], ["union", "nothing"], A, C),
])  # fmt: skip
def test_keys_decide_and_go_on(browser, folders, out, keys, decided, top, right):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.decide(keys[0])
        window.press(keys[1], state="done")
        assert "Every part is decided" in window.message
        server.interrupt()
    assert choices(out) == decided
    expected = C.copy()
    expected[0], expected[3] = top[0], right[3]
    assert_array_equal(gray_pixels(out / "00007.png"), expected * 255)


def test_what_was_shown_is_recorded(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("2", "o", "]")
        window.decide("Enter")
        shown = saved(out)[0]["shown"]
    assert shown["order"] == ["A", "B", "C"]
    assert shown["visible"] == [True, False, True]
    assert (shown["outline"], shown["opacity"], shown["photo"]) == (True, 0.9, False)
    assert shown["zoom"] >= 1


def test_brush_and_eraser_draw_whole_pixels(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("d", ",", ",")  # a brush of one pixel
        window.drag((0, 3), (2, 5))
        window.press("e")
        window.drag((0, 0), (0, 0))
        window.decide("Enter")
        window.press("x", state="done")
        server.interrupt()
    # The majority of the first part is ##; the line goes diagonally from column 3 to 5.
    drawn = C.copy()
    drawn[[0, 0, 1, 2], [1, 3, 4, 5]] = True
    assert_array_equal(gray_pixels(out / "00007.png"), drawn * 255)
    # In the box from column 1 to 5: #.#.. / ...#. / ....#
    assert saved(out)[0]["drawn"] == {"box": [0, 1, 3, 5], "runs": [0, 1, 1, 1, 5, 1, 5, 1]}


@pytest.mark.parametrize(("width", "rows"), [
    (1, [".....", ".....", "..#..", ".....", "....."]),
    (2, [".....", ".##..", ".##..", ".....", "....."]),
    (3, [".....", ".###.", ".###.", ".###.", "....."]),
    (5, [".###.", "#####", "#####", "#####", ".###."]),
])  # fmt: skip
def test_a_stamp_is_the_pixels_whose_centres_are_in_its_disc(browser, annotate, out, width, rows):
    drawn = np.zeros((9, 9), bool)
    drawn[0, 0] = True
    folders = annotate({"A": {"x": drawn}, "B": {"x": drawn & False}})
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("d")
        window.page.fill("#width", str(width))
        window.page.locator("#part-title").click()
        window.drag((5, 5), (5, 5))
        window.press("Enter", state="done")
        server.interrupt()
    expected = np.zeros((9, 9), bool)
    expected[3:8, 3:8] = mask("/".join(rows))
    assert_array_equal(gray_pixels(out / "x.png") > 0, expected)


def test_strokes_are_undone_and_restored_one_by_one(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("d", ",", ",")
        window.drag((2, 2), (2, 4))
        window.drag((4, 2), (4, 4))
        window.press("Control+z", "Control+z", "Control+Shift+z")
        window.decide("Enter")
        window.press("x", state="done")
        server.interrupt()
    expected = C.copy()
    expected[0, :2] = expected[2, 2:5] = True
    assert_array_equal(gray_pixels(out / "00007.png"), expected * 255)


def test_a_drawing_that_is_left_saves_nothing(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("d")
        window.drag((2, 2), (2, 4))
        window.press("Escape")
        window.decide("u")
        assert choices(out) == ["union"]


def test_undo_goes_back_to_the_part_also_after_a_reload_and_a_restart(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        first = window.part
        window.decide("u")
        second = window.part
        window.page.reload()
        window.wait()
        assert window.part == second
        window.press("x", state="done")
        server.interrupt()
    assert (out / "00007.png").exists()
    with Served(folders, out) as server:
        with Window(browser, server.address, ready="done") as window:
            window.press("z")
            window.page.wait_for_selector(f"body[data-part='{second}']")
            window.press("z")
            window.page.wait_for_selector(f"body[data-part='{first}']")
            window.press("y")
            window.wait_for_message("restored")
        server.interrupt()
    assert choices(out) == ["union", "nothing", "undo", "undo", "redo"]
    assert not (out / "00007.png").exists()


def test_a_remark_is_kept_and_shown_as_text(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.page.keyboard.press("t")
        window.page.fill("#remark", "<b>A hair?</b>")
        window.page.click("#remark-dialog button[value=save]")
        window.wait_for_message("saved")
        assert window.page.inner_text("#remarks") == "ann: <b>A hair?</b>"
        assert saved(out)[0]["remark"] == "<b>A hair?</b>"


def test_the_page_asks_for_a_name(browser, folders, out):
    with (
        Served(folders, out) as server,
        Window(browser, server.address, reviewer=None, ready=None) as window,
    ):
        window.page.fill("#name", "Zoë")
        window.page.click("#name-dialog button")
        window.wait()
        window.decide("Enter")
        assert choices(out, "Zoë") == ["majority"]


def test_two_reviewers_in_two_windows_get_different_parts(browser, folders, out):
    with (
        Served(folders, out) as server,
        Window(browser, server.address, "ann") as ann,
        Window(browser, server.address, "ben") as ben,
    ):
        assert ann.part != ben.part
        ben.press("p")  # to the part that ann is looking at
        ben.page.wait_for_selector(f"body[data-part='{ann.part}']")
        ben.wait_for_message("ann is looking at this part")
        ben.page.keyboard.press("x")
        ben.wait_for_message("ann is looking at this part; take another one, or wait")
        ann.decide("u")
        ben.page.keyboard.press("x")  # the page still shows the part as open
        ben.wait_for_message("ann has decided it: union")
        ben.page.locator("#decision", has_text="ann: union").wait_for()
        ben.press("x")  # now knowingly
        ben.wait_for_message("saved")
        server.interrupt()
    assert (choices(out, "ann"), choices(out, "ben")) == (["union"], ["nothing"])


def test_names_that_are_hidden_are_nowhere_on_the_page(browser, annotate, out):
    folders = annotate({"quentin": {"00007": A}, "rosamund": {"00007": B}, "zebedee": {"00007": C}})
    with Served(folders, out, "--blind") as server, Window(browser, server.address) as window:
        text = window.page.inner_text("body")
        assert not any(name in text for name in ("quentin", "rosamund", "zebedee"))
        window.decide("Shift+Digit1")
    (entry,) = saved(out)
    assert entry["annotator"] == entry["shown"]["order"][0]


def test_what_is_shown_small_keeps_thin_lines_and_disagreement(browser, folders, out):
    halve = """async () => {
        const { Patterns } = await import(new URL("masks.js", document.baseURI));
        const values = new Uint8Array(2 * 300);
        values.set([7, 1, 0, 0, 0, 4, 7, 7]);
        values.set([7, 7, 0, 0, 0, 0, 7, 3], 300);
        const [, { width, height, values: all, least }] = new Patterns(300, 2, values).levels;
        return [width, height, Array.from(all.slice(0, 4)), Array.from(least.slice(0, 4))];
    }"""
    with Served(folders, out) as server, Window(browser, server.address) as window:
        # Blocks of 2x2: 71/77 has a pixel of one annotator, 04/00 a line, and 77/73 one of two.
        assert window.page.evaluate(halve) == [150, 1, [7, 0, 4, 7], [1, 0, 4, 3]]


@pytest.mark.parametrize(("names", "colours"), [
    ("AB", {3: [255, 255, 255]}),
    # As in the pictures of disputed/: see annotator_figures.
    ("ABC", {1: [230, 159, 0], 3: [0, 158, 115], 5: [213, 94, 0], 6: [0, 114, 178],
             7: [255, 255, 255]}),
    ("ABCD", {1: [230, 159, 0], 3: [150, 150, 150], 15: [255, 255, 255]}),
])  # fmt: skip
def test_colours_are_those_of_disputed(browser, annotate, out, names, colours):
    folders = annotate({name: {"x": A} for name in names})
    mix = """async ([session, patterns]) => {
        const { Palette } = await import(new URL("masks.js", document.baseURI));
        const palette = new Palette(session, session.colours.length);
        return patterns.map(pattern => palette.mixed(pattern));
    }"""
    with Served(folders, out) as server, Window(browser, server.address, ready=None) as window:
        session = server.get("api/session").json()
        mixed = window.page.evaluate(mix, [session, list(colours)])
    assert mixed == list(colours.values())


def test_a_drawing_that_cannot_be_saved_stays(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("d")
        window.drag((2, 2), (2, 4))
        kill(server.process)
        window.page.keyboard.press("Enter")
        window.wait_for_message("The server does not answer")
        assert window.page.get_attribute("body", "data-mode") == "drawing"


def test_an_image_that_cannot_be_read_any_more_is_passed_over(browser, annotate, out):
    ids = ["00001", "00002", "00003", "00004", "00005"]
    folders = annotate({name: dict.fromkeys(ids, drawn) for name, drawn in (("A", A), ("B", B))})
    with Served(folders, out) as server, Window(browser, server.address) as window:
        while server.get("api/progress?reviewer=ann").json()["progress"]["images_examined"] < 5:
            pass
        (folders[0] / "00004.png").write_bytes(b"broken")
        for _ in range(3):  # one part of each is in question
            window.decide("u")
        window.wait_for_message("00004.png: not an image")
        assert window.page.get_attribute("body", "data-image") == "00005"
        window.press("u", state="done")
        assert window.message.startswith("Cannot be read: 00004. Every other part is decided.")
        server.interrupt()
    assert "00004.png" in (out / "failures.csv").read_text()


def test_a_name_that_cannot_be_used_is_asked_for_again(browser, folders, out):
    with (
        Served(folders, out) as server,
        Window(browser, server.address, "a%2Fb", ready=None) as window,
    ):
        window.wait_for_message("'a/b' cannot be a reviewer's name")
        window.page.fill("#name", "ann")
        window.page.click("#name-dialog button")
        window.wait()
        window.decide("u")
        assert choices(out) == ["union"]


def test_zooming_keeps_the_pixel_at_the_pointer_and_scales_by_whole_numbers(browser, folders, out):
    with Served(folders, out) as server, Window(browser, server.address) as window:
        window.press("f")
        x, y = window.place(3, 7)
        window.page.mouse.move(x, y)
        for turn in (100, 100, -100, 100, 100):
            before = window.view()[0]
            window.page.mouse.wheel(0, turn)
            window.page.wait_for_selector(f"#view:not([data-scale='{before:g}'])")
            scale, left, top = window.view()
            box = window.page.locator("#view").bounding_box()
            assert ((y - box["y"] - top) // scale, (x - box["x"] - left) // scale) == (3, 7)
            assert scale == int(scale)


def test_killed_in_the_middle_of_a_hundred_decisions(browser, annotate, out):
    drawn = hundred_pieces()
    folders = annotate({"A": {"x": drawn}, "B": {"x": drawn & False}})
    with Served(folders, out) as server, Window(browser, server.address) as window:
        for _ in range(50):
            window.decide("u")
        for _ in range(10):
            window.page.keyboard.press("u")  # without waiting
        kill(server.process)
        window.wait_for_message("The server does not answer")
        confirmed = window.page.inner_text("#progress")
    before = (out / "decisions" / "ann.jsonl").read_bytes()
    count = len(before.splitlines())
    assert 50 <= count <= 60
    assert int(confirmed.split(": ")[1].split(" of ")[0]) <= count
    with Served(folders, out) as server, Window(browser, server.address) as window:
        for _ in range(99 - count):
            window.decide("u")
        window.press("x", state="done")
        server.interrupt()
    after = (out / "decisions" / "ann.jsonl").read_bytes()
    assert after.startswith(before)
    assert choices(out) == ["union"] * 99 + ["nothing"]
    expected = drawn.copy()
    expected[45, 45:47] = False  # the last part
    assert_array_equal(gray_pixels(out / "x.png"), expected * 255)


def test_an_exported_page_opens_without_a_server(browser, folders, tmp_path):
    photos, page = tmp_path / "photos", tmp_path / "page.html"
    photos.mkdir()
    Image.fromarray(np.full((8, 9, 3), 99, np.uint8)).save(photos / "00007.png")
    requested = []
    process, _, logged = run("review", *folders, "--export", page)
    assert process.returncode == 0, logged
    process, _, logged = run("review", *folders, "--export", page)
    assert (process.returncode, "page.html exists" in logged) == (1, True)
    for more in ([], ["--images", photos]):
        process, printed, logged = run("review", *folders, "--export", page, "--overwrite", *more)
        assert (process.returncode, printed) == (0, f"{page} written\n"), logged
        assert ("data:image/jpeg" in page.read_text()) == bool(more)
        with Window(browser, "about:blank", reviewer=None, ready=None) as window:
            window.page.on("request", lambda request: requested.append(request.url))
            window.open(page.as_uri(), reviewer=None)
            assert window.page.inner_text("#title") == "00007"
            assert window.page.locator("#parts li").count() == 3
            window.page.keyboard.press("2")
            assert "B, 6 px" in window.page.inner_text("#annotators .off")
    assert requested
    assert not [url for url in requested if url.startswith("http")]
