import json
import os
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.results.outputs import OutputFolder
from ffhq_wrinkle.results.result_files import State
from ffhq_wrinkle.storage.writing import PARTIAL_PREFIX
from tests.helpers.files import files_of

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def checked(path, *, overwrite=False, note="a note", **settings):
    return OutputFolder(path, settings or {"sigma": 5}, note=note, overwrite=overwrite)


@contextmanager
def folder(path, **options):
    """An output folder in which work is under way."""
    with checked(path, **options) as opened:
        opened.begin()
        yield opened


def finished(path, names=("00000/00001.png",), **options):
    with folder(path, **options) as opened:
        for name in names:
            opened.write(name, PIXELS)
        opened.finish({"version": "1"})


def test_results_are_written_with_the_note_and_the_record_last(tmp_path):
    with folder(tmp_path / "deep" / "out") as out:
        out.write("00000/00001.png", PIXELS)
        out.write("a.npy", PIXELS)
        assert not (out.path / "build.json").exists()
        out.finish({"version": "1"})
    with Image.open(out.path / "00000/00001.png") as image:
        assert image.text == {"Description": "a note"}
        assert_array_equal(np.asarray(image), PIXELS)
    assert_array_equal(np.load(out.path / "a.npy"), PIXELS)
    assert json.loads((out.path / "build.json").read_text()) == {
        "version": "1",
        "counts": {"results": 2, "failed": 0},
        "settings": {"sigma": 5},
    }
    assert set(files_of(out.path)) == {"00000/00001.png", "a.npy", "build.json"}


def test_a_second_run_with_the_same_settings_keeps_existing_results(tmp_path):
    finished(tmp_path)
    with folder(tmp_path) as out:
        assert out.state("00000/00001.png") is State.OURS
        assert out.state("00000/00002.png") is not State.OURS


def test_different_settings_are_refused_and_named(tmp_path):
    finished(tmp_path)
    before = files_of(tmp_path)
    with (
        pytest.raises(OutputError, match=r"sigma 5 there and 7 now.*--overwrite"),
        folder(tmp_path, sigma=7),
    ):
        pass
    assert files_of(tmp_path) == before


def test_different_settings_are_refused_after_an_interruption_too(tmp_path):
    with folder(tmp_path) as out:
        out.write("a.png", PIXELS)
    with pytest.raises(OutputError, match="sigma 5 there"), folder(tmp_path, sigma=7):
        pass


@pytest.mark.parametrize("name", ["00001.png", "00000/00001.png", "00001.npy"])
def test_files_of_another_origin_are_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"somebody else's")
    with pytest.raises(OutputError, match=f"did not make, such as {name}"), folder(tmp_path):
        pass
    assert (tmp_path / name).read_bytes() == b"somebody else's"


def test_a_damaged_record_is_refused(tmp_path):
    for content in ("nonsense", "[]", "{}", '{"settings": 5}'):
        (tmp_path / "build.json").write_text(content)
        with pytest.raises(OutputError, match="not a record of this command"), folder(tmp_path):
            pass


def test_overwrite_replaces_results_with_different_settings(tmp_path):
    finished(tmp_path)
    with folder(tmp_path, sigma=7, overwrite=True, note="another") as out:
        assert out.state("00000/00001.png") is not State.OURS
        out.write("00000/00001.png", PIXELS[::-1].copy())
        out.finish({})
    with Image.open(tmp_path / "00000/00001.png") as image:
        assert_array_equal(np.asarray(image), PIXELS[::-1])
    with folder(tmp_path, sigma=7, note="another") as out:
        assert out.state("00000/00001.png") is State.OURS


def test_after_an_interrupted_overwrite_old_results_do_not_count(tmp_path):
    finished(tmp_path, names=("a.png", "b.png"))
    with folder(tmp_path, sigma=7, overwrite=True, note="another") as out:
        out.write("a.png", PIXELS)  # and then the process is killed
    with folder(tmp_path, sigma=7, note="another") as out:
        assert out.state("a.png") is State.OURS
        assert out.state("b.png") is not State.OURS


def test_an_overwrite_of_a_part_does_not_pass_the_rest_off_as_its_own(tmp_path, caplog):
    finished(tmp_path, names=("a.png", "b.png"))
    with folder(tmp_path, sigma=7, overwrite=True, note="another") as out:
        out.write("a.png", PIXELS)
        out.finish({})
    assert "still holds 1 result with different settings" in caplog.text
    with folder(tmp_path, sigma=7, note="another") as out:
        assert out.state("a.png") is State.OURS
        assert out.state("b.png") is not State.OURS
        out.write("b.png", PIXELS)
        out.finish({})
    assert files_of(tmp_path).keys() == {"a.png", "b.png", "build.json"}  # nothing is under way
    with folder(tmp_path, sigma=7, note="another") as out:
        assert out.state("b.png") is State.OURS


def test_after_an_interruption_damaged_results_do_not_count(tmp_path):
    with folder(tmp_path) as out:
        for name in ("whole.png", "cut.png", "empty.png", "whole.npy", "empty.npy"):
            out.write(name, PIXELS)
    # as a file system may leave them when the power fails
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-5])
    (tmp_path / "cut.npy").write_bytes((tmp_path / "whole.npy").read_bytes()[:-5])
    for name in ("empty.png", "empty.npy"):
        (tmp_path / name).write_bytes(b"")
    with folder(tmp_path) as out:
        assert out.state("whole.png") is State.OURS
        assert out.state("whole.npy") is State.OURS
        for name in ("cut.png", "cut.npy", "empty.png", "empty.npy"):
            assert out.state(name) is not State.OURS


def test_label_maps_with_different_settings_do_not_count_after_an_interrupted_overwrite(tmp_path):
    finished(tmp_path, names=("a.npy", "b.npy"))
    with folder(tmp_path, sigma=7, overwrite=True) as out:
        out.write("a.npy", PIXELS)  # and then the process is killed
    for _ in range(2):
        with folder(tmp_path, sigma=7) as out:  # killed again and again
            assert out.state("a.npy") is State.OURS
            assert out.state("b.npy") is not State.OURS


def test_after_an_interrupted_overwrite_of_equal_settings_old_results_do_not_count(tmp_path):
    finished(tmp_path, names=("a.png", "b.png"))
    with folder(tmp_path, overwrite=True) as out:  # say, for better label maps
        out.write("a.png", PIXELS)
    with folder(tmp_path) as out:
        assert out.state("a.png") is State.OURS
        assert out.state("b.png") is not State.OURS


def test_looking_at_a_folder_changes_nothing(tmp_path):
    finished(tmp_path)
    before = files_of(tmp_path)
    with checked(tmp_path):
        pass
    assert files_of(tmp_path) == before


def test_files_left_half_written_by_a_killed_run_are_removed(tmp_path):
    finished(tmp_path)
    ours = [place / f"{PARTIAL_PREFIX}0123.12" for place in (tmp_path, tmp_path / "00000")]
    others = [tmp_path / ".movie.partial", tmp_path / "elsewhere" / f"{PARTIAL_PREFIX}0123.12"]
    others[1].parent.mkdir()
    for path in (*ours, *others):
        path.write_bytes(b"half")
    with folder(tmp_path):
        assert not any(path.exists() for path in ours)
        assert all(path.exists() for path in others)


def test_a_folder_that_is_refused_is_left_as_it_is(tmp_path):
    (tmp_path / "a.png").write_bytes(b"somebody else's")
    (tmp_path / f"{PARTIAL_PREFIX}0123.12").write_bytes(b"half")
    before = files_of(tmp_path)
    with pytest.raises(OutputError), folder(tmp_path):
        pass
    assert files_of(tmp_path) == before


def test_a_folder_in_the_way_of_the_record_is_named(tmp_path):
    (tmp_path / "one" / "build.json").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"build.json is not a record"), folder(tmp_path / "one"):
        pass


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with (
        folder(tmp_path),
        pytest.raises(OutputError, match="another run is writing"),
        folder(tmp_path),
    ):
        pass
    with folder(tmp_path):  # and the first has let go of it
        pass


def test_a_link_does_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    with folder(tmp_path / "out") as out:
        (out.path / "00000").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OutputError, match="leads out of"):
            out.write("00000/00001.png", PIXELS)
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="/out: File exists"), folder(tmp_path / "out"):
        pass


def test_a_png_keeps_a_comment(tmp_path):
    comment = '{"votes": [1, 2]}' + 14_000 * " "
    with folder(tmp_path) as out:
        out.write("a.png", PIXELS, comment=comment)
        out.write("00000/b.png", PIXELS)
        assert out.comment("a.png") == comment
        assert out.comment("00000/b.png") is None
        assert sorted(out.results()) == ["00000/b.png", "a.png"]
        assert out.state("a.png") is State.OURS


def test_each_result_is_in_one_state(tmp_path):
    names = ("ours.png", "by_hand.png", "cut.png", "old.png")
    finished(tmp_path, names=names)
    with folder(tmp_path) as out:  # a run that is killed
        pass
    Image.fromarray(PIXELS).save(tmp_path / "by_hand.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-5])
    with folder(tmp_path) as out:
        states = {name: out.state(name) for name in (*names, "none.png")}
        assert states == {
            "ours.png": State.OURS,
            "old.png": State.OURS,
            "by_hand.png": State.FOREIGN,
            "cut.png": State.DAMAGED,
            "none.png": State.ABSENT,
        }
    with folder(tmp_path, overwrite=True) as out:
        assert {out.state(name) for name in names} == {State.STALE}
        out.write("ours.png", PIXELS)
        assert out.look("ours.png") is State.OURS
        assert out.look("old.png") is State.STALE


def test_after_an_interrupted_overwrite_foreign_results_are_stale(tmp_path):
    finished(tmp_path)
    with folder(tmp_path, sigma=7, overwrite=True, note="another"):
        Image.fromarray(PIXELS).save(tmp_path / "00000/00001.png")  # as if by hand
    with folder(tmp_path, sigma=7, note="another") as out:
        assert out.state("00000/00001.png") is State.STALE
