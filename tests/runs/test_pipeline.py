import threading
import time
from contextlib import suppress

import pytest

from ffhq_wrinkle.errors import ImageError, OutputError, ParsingError
from ffhq_wrinkle.runs.pipeline import Pipeline, run_each


class Work:
    """Numbers are loaded as they are, doubled in batches, and noted; some fail on the way."""

    def __init__(self, *, bad_load=(), bad_write=(), fatal_write=()):
        self.bad = {"load": bad_load, "write": bad_write, "fatal": fatal_write}
        self.lock = threading.Lock()
        self.loaded = self.most_at_once = self.counted = 0
        self.yielded = []
        self.batches, self.written, self.failures = [], {}, {}

    def load(self, number):
        if number in self.bad["load"]:
            raise ImageError("cannot be read")
        with self.lock:
            self.loaded += 1
            self.most_at_once = max(self.most_at_once, self.loaded - len(self.written))
        return number

    def infer(self, batch):
        self.batches.append(batch)
        return [2 * number for number in batch]

    def write(self, number, result):
        time.sleep(0.001)
        if number in self.bad["write"]:
            raise ParsingError("no face")
        if number in self.bad["fatal"]:
            raise OutputError("disk full")
        with self.lock:
            self.written[number] = result

    def pipeline(self, items, *, batch_size=1, jobs=1):
        return Pipeline(
            items, load=self.load, infer=self.infer, write=self.write,
            batch_size=batch_size, jobs=jobs,
        )  # fmt: skip

    def run(self, items, **options):
        with self.pipeline(items, **options) as pipeline:
            for number, failure in pipeline:
                self.yielded.append(number)
                if failure:
                    self.failures[number] = str(failure)
        self.counted = pipeline.written
        return self


@pytest.mark.parametrize(("batch_size", "jobs"), [(1, 1), (4, 3), (7, 2), (100, 5)])
def test_every_item_is_written_with_its_result_in_batches_in_order(batch_size, jobs):
    work = Work().run(range(50), batch_size=batch_size, jobs=jobs)
    assert work.written == {number: 2 * number for number in range(50)}
    assert work.counted == 50
    assert work.yielded == list(range(50))
    assert [number for batch in work.batches for number in batch] == list(range(50))
    assert {len(batch) for batch in work.batches[:-1]} <= {batch_size}


def test_a_failure_to_load_or_write_concerns_that_item_alone():
    work = Work(bad_load={3, 4}, bad_write={7}).run(range(10), batch_size=3, jobs=2)
    assert work.failures == {3: "cannot be read", 4: "cannot be read", 7: "no face"}
    assert set(work.written) == set(range(10)) - {3, 4, 7}
    assert work.counted == 7
    assert sorted(work.yielded) == list(range(10))


def test_any_other_error_ends_the_run():
    work = Work(fatal_write={20})
    with pytest.raises(OutputError, match="disk full"):
        work.run(range(1000), batch_size=2, jobs=2)
    assert set(range(15)) <= set(work.written)
    assert len(work.written) < 60


def test_an_empty_run_is_not_an_error():
    assert Work().run([]).batches == []


def test_few_items_are_in_memory_however_many_there_are():
    work = Work().run(iter(range(2000)), batch_size=4, jobs=3)
    assert len(work.written) == 2000
    assert work.most_at_once <= 3 * (4 + 3)


def test_written_items_are_counted_when_the_block_is_left_in_the_middle():
    work = Work()
    with suppress(KeyboardInterrupt), work.pipeline(range(100), jobs=2) as pipeline:
        for number, _ in pipeline:
            if number == 20:
                raise KeyboardInterrupt
    assert 21 <= pipeline.written == len(work.written) < 60


def test_each_item_comes_with_its_result_or_failure_in_order():
    def work(number):
        if number % 5 == 0:
            raise ImageError("no good")
        return 2 * number

    with run_each(range(23), work, jobs=3) as outcomes:
        outcomes = list(outcomes)
    assert [number for number, _ in outcomes] == list(range(23))
    for number, outcome in outcomes:
        if number % 5:
            assert outcome == 2 * number
        else:
            assert isinstance(outcome, ImageError)
            assert str(outcome) == "no good"


def test_each_holds_few_results_at_a_time():
    begun = []

    def items():
        for number in range(200):
            begun.append(number)
            yield number

    with run_each(items(), lambda number: number, jobs=2) as outcomes:
        for finished, _ in enumerate(outcomes):
            assert len(begun) - finished <= 3 * 2
    assert len(begun) == 200


def test_an_error_of_the_run_ends_each():
    def work(number):
        if number == 3:
            raise OutputError("disk full")

    with (
        pytest.raises(OutputError, match="disk full"),
        run_each(range(10), work, jobs=2) as outcomes,
    ):
        list(outcomes)


def test_items_not_begun_are_left_undone_when_the_block_is_left():
    worked_on = []

    def work(number):
        time.sleep(0.001)
        worked_on.append(number)

    with suppress(KeyError), run_each(range(1000), work, jobs=2) as outcomes:
        next(outcomes)
        raise KeyError
    assert 1 <= len(worked_on) < 20
