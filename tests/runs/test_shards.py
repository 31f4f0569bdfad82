"""Shards done in this process, by copies of the work such as workers get."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.dataset.layout import ImageFile
from ffhq_wrinkle.errors import ImageError, OutputError
from ffhq_wrinkle.results.outputs import OutputFolder
from ffhq_wrinkle.results.result_files import State
from ffhq_wrinkle.runs.shards import Work, do_shard, shards_of
from tests.helpers.pictures import pixels


class Folder:
    """An output folder as the results of a run."""

    def __init__(self, output):
        self.output = output
        for name in ("begin", "require_shared", "remove_partials", "finish"):
            setattr(self, name, getattr(output, name))

    def complete(self, file):
        return self.output.state(f"{file.image_id}.png") is State.OURS


class Brighter(Work):
    """Gray pictures, ten levels brighter; a black one fails."""

    batch_size = 2

    def __init__(self, images, output):
        super().__init__([images], Folder(output))
        self.images = images

    def load(self, file):
        self.counts["loaded"] += 1
        return file, pixels(self.images / file.path)

    def infer(self, batch):
        return [levels + 10 for _, levels in batch]

    def write(self, loaded, result):
        if not loaded[1].any():
            raise ImageError("it is black")
        self.results.output.write(f"{loaded[0].image_id}.png", result)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "images").mkdir()
    for level in range(1, 6):
        Image.fromarray(np.full((3, 4), level, np.uint8)).save(tmp_path / f"images/{level}.png")
    return [ImageFile(f"{level}", f"{level}.png") for level in range(1, 6)]


@pytest.fixture
def output(tmp_path):
    with OutputFolder(tmp_path / "out", {}, note="brighter") as output:
        output.begin()
        yield output


@pytest.fixture
def copy(tmp_path, output):
    """The work as another process gets it."""
    return pickle.loads(pickle.dumps(Brighter(tmp_path / "images", output)))


def test_a_repeated_shard_counts_existing_results_and_does_the_rest(tmp_path, files, copy, output):
    assert do_shard(copy, files[:2], jobs=1) == (2, [], {"loaded": 2}, [])
    first = (tmp_path / "out" / "1.png").stat().st_mtime_ns
    assert do_shard(copy, files, jobs=2) == (5, [], {"loaded": 3}, [])
    assert (tmp_path / "out" / "1.png").stat().st_mtime_ns == first
    for level in range(1, 6):
        made = pixels(tmp_path / "out" / f"{level}.png")
        assert_array_equal(made, np.full((3, 4), level + 10))


def test_a_failure_is_reported_with_its_step(tmp_path, files, copy):
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "images" / "3.png")
    made, failures, _, _ = do_shard(copy, files, jobs=1)
    assert (made, failures) == (4, [("3.png", "read", "it is black")])


def test_a_copy_trusts_no_file_that_the_run_did_not_make(tmp_path, files, copy, output):
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(tmp_path / "out" / "1.png")
    assert output.state("1.png") is State.OURS
    assert do_shard(copy, files[:1], jobs=1).counts == {"loaded": 1}


class Levels(Brighter):
    """Levels as text, which the run has in memory; 4 is more than it can do at first."""

    def __init__(self, images, output):
        super().__init__(images, output)
        self.told = []
        self.broken = True

    def write(self, loaded, result):
        if self.broken and result.max() == 14:
            raise OutputError("the disk is full")
        self.told.append(str(result.max()))

    def gathered(self):
        told, self.told = self.told, []
        return sorted(told)


def test_a_shard_reports_gathered_results_once_and_none_of_a_failed_attempt(
    tmp_path, files, output
):
    copy = pickle.loads(pickle.dumps(Levels(tmp_path / "images", output)))
    assert do_shard(copy, files[:2], jobs=1).gathered == ["11", "12"]
    with pytest.raises(OutputError, match="the disk is full"):
        do_shard(copy, files[2:], jobs=1)
    assert "13" in copy.told
    assert do_shard(copy, files[4:], jobs=1).gathered == ["15"]
    copy.broken = False
    assert do_shard(copy, files[2:], jobs=1) == (3, [], {"loaded": 3}, ["13", "14", "15"])


def test_a_cancelled_shard_starts_no_more_images(files, copy):
    answers = iter([True, True, False])
    assert do_shard(copy, files, jobs=1, wanted=lambda: next(answers)).made == 2


def test_folders_that_are_not_those_of_the_run_are_refused(tmp_path, files, copy, output):
    (tmp_path / "out" / ".build.json.under-way").unlink()
    with pytest.raises(OutputError, match=r"out on .* is not the folder of this run"):
        do_shard(copy, files, jobs=1)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="images is not on "):
        do_shard(copy, files, jobs=1)


@pytest.mark.parametrize(("count", "workers", "sizes"), [
    (3, 2, [1, 1, 1]),
    (32, 2, [2] * 16),
    (33, 2, [3] * 11),
    (600, 0, [75] * 8),
    (10_000, 1, [256] * 39 + [16]),
])  # fmt: skip
def test_each_worker_gets_several_shards_and_none_is_too_large(count, workers, sizes):
    files = [ImageFile(f"{number}", f"{number}.png") for number in range(count)]
    shards = list(shards_of(files, workers))
    assert [len(shard) for shard in shards] == sizes
    assert [file for shard in shards for file in shard] == files
