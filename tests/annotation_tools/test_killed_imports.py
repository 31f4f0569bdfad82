"""`import-labels` as a process that is killed."""

import random

import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle import read_mask
from tests.helpers.annotation_exports import cvat_file, cvat_shape
from tests.helpers.processes import kill, run, start, wait_for

SIDE = 2048
COUNT = 300


def box(number):
    """Rows and columns of the rectangle that was drawn on an image."""
    top, left = random.Random(number).choices(range(SIDE - 100), k=2)
    return slice(top, top + 50 + number % 7), slice(left, left + 40)


def shape(number):
    rows, columns = box(number)
    corners = {"xtl": columns.start, "ytl": rows.start, "xbr": columns.stop, "ybr": rows.stop}
    return cvat_shape("box", **corners)


def test_a_killed_import_leaves_whole_masks_and_the_same_command_ends_it(tmp_path):
    images = {f"{number:05}.png": shape(number) for number in range(COUNT)}
    export = cvat_file(tmp_path / "a.xml", images, "anna", size=(SIDE, SIDE))
    out = tmp_path / "ann"
    process = start("import-labels", export, "--out", out)
    wait_for(lambda: len(list(out.glob("*/*.png"))) >= 10, process)
    kill(process)
    left = {path.name: path.stat().st_mtime_ns for path in out.glob("*/*.png")}
    assert len(left) < COUNT, "the run had ended before it was killed"
    assert not (out / "import.csv").exists()
    process, stdout, stderr = run("import-labels", export, "--out", out)
    assert process.returncode == 0, stderr
    assert stdout.startswith(f"{COUNT - len(left)} masks written, {len(left)} existed already")
    for number in range(COUNT):
        expected = np.zeros((SIDE, SIDE), bool)
        expected[box(number)] = True
        assert_array_equal(read_mask(out / "annotator_1" / f"{number:05}.png"), expected)
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("*/*.png")}
    assert {name: kept[name] for name in left} == left
    assert not list(out.rglob("*.partial*"))
    assert len((out / "import.csv").read_text().splitlines()) == COUNT + 1
