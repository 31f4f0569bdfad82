"""Changed inputs: which images have results, and whether their files have been replaced since.

Sizes and times of input files are compared with those in the tables of the results (see
`results.inputs`). Where they differ, the contents decide, so that a data set that was copied is not
processed again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..dataset.layout import ImageFile
from ..results.inputs import (
    InputRow,
    InputRows,
    SizesAndTimes,
    any_stored,
    sha256_of_inputs,
)
from .pipeline import run_each
from .shards import Work


class Plan(NamedTuple):
    """The images of a run, by what is known of their results.

    Attributes
    ----------
    todo : list of ImageFile
        Images to process, in order.
    kept : int
        Number of images whose results are kept.
    changed : list of ImageFile
        Those images to process whose results were made from other files than the present ones.
    unknown : int
        Number of images whose results are kept although their input files were not recorded.
    """

    todo: list[ImageFile]
    kept: int
    changed: list[ImageFile]
    unknown: int


def plan(files: Sequence[ImageFile], work: Work[Any, Any], *, jobs: int = 1) -> Plan:
    """Find out which images to process.

    Results of other files with the same contents are kept, and sizes and times of the present files
    are recorded. The present files are also recorded for results of which no files are recorded:
    versions that recorded none made them, or somebody put them into the folder. They are kept, and
    files that are replaced from now on are noticed.

    Parameters
    ----------
    files : sequence of ImageFile
        The images of the run.
    work : Work
        The work of the run, with the tables of its results.
    jobs : int
        Threads that read files.
    """
    results = work.results
    if results.overwrite:
        return Plan(list(files), 0, [], 0)
    tables = results.input_tables
    sizes_and_times = SizesAndTimes()
    todo: list[ImageFile] = []
    suspects: list[tuple[ImageFile, str]] = []
    unknown = 0
    for file in files:  # perhaps a million
        is_complete = results.complete(file)
        if not is_complete:
            todo.append(file)
        present = ""
        lacking = []
        for table in tables:
            cells = table.cells(file.image_id)
            if cells is None and not is_complete:
                continue
            present = present or sizes_and_times.of(work.inputs(file))
            if cells is None:
                lacking.append(table)
            elif not cells.startswith(f"{present},"):
                suspects.append((file, present))
                break
        else:
            if lacking and present:
                _record(lacking, file, present)
                unknown += 1
    changed = _changed(suspects, work, tables, jobs)
    if changed:
        todo_ids = {file.image_id for file in (*todo, *changed)}
        todo = [file for file in files if file.image_id in todo_ids]
    return Plan(todo, len(files) - len(todo), changed, unknown)


def _changed(
    suspects: Sequence[tuple[ImageFile, str]],
    work: Work[Any, Any],
    tables: Sequence[InputRows],
    jobs: int,
) -> list[ImageFile]:
    """Return those of the images whose files have other contents; record the others."""

    def is_changed(suspect: tuple[ImageFile, str]) -> bool:
        file, sizes_and_times = suspect
        known = [table for table in tables if file.image_id in table]
        present = InputRow(sizes_and_times, sha256_of_inputs(work.inputs(file)))
        if not all(table.row(file.image_id).matches(present) for table in known):
            return True
        if present.sha256:
            for table in known:
                table.record(file.image_id, present)
        return False

    with run_each(suspects, is_changed, jobs=jobs) as outcomes:
        return [file for (file, _), changed in outcomes if changed is True]


def record_stored(files: Sequence[ImageFile], work: Work[Any, Any]) -> list[InputRows]:
    """Record the input files of images whose row cannot be written when they are read.

    These are files in an object store, whose versions only a listing shows, and those of results in
    an object store, where nothing can be appended to a file.

    Returns
    -------
    list of InputRows
        The tables that have the new rows, from which those of failed images are to be removed.
    """
    inputs_are_stored = bool(files) and any_stored(work.inputs(files[0]))
    tables = [table for table in work.results.input_tables if inputs_are_stored or table.is_stored]
    if not tables:
        return []
    sizes_and_times = SizesAndTimes()
    for file in files:
        present = sizes_and_times.of(work.inputs(file))
        if present:
            _record(tables, file, present)
    return tables


def _record(tables: Iterable[InputRows], file: ImageFile, present: str) -> None:
    for table in tables:
        table.record(file.image_id, InputRow(present))
