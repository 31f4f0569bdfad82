"""Files below a folder."""

from pathlib import Path

from ffhq_wrinkle.results.inputs import INPUTS
from ffhq_wrinkle.storage.writing import PARTIAL_PREFIX


def files_of(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder but lock files and tables of inputs, by relative path.

    A table of inputs has the times of files, in which equal data sets differ.
    """
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock" and not is_table_of_inputs(path.name)
    }


def is_table_of_inputs(name: str) -> bool:
    """Whether a file is a table of inputs, or a journal of rows for one."""
    return name == INPUTS or (name.startswith(".") and ".inputs" in name)


def partial_files(folder: Path) -> list[Path]:
    """Files below a folder that were not written to their end."""
    return sorted(folder.rglob(f"{PARTIAL_PREFIX}*"))
