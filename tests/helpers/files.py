"""Files below a folder."""

from pathlib import Path

from ffhq_wrinkle.storage.writing import PARTIAL_PREFIX


def files_of(folder: Path) -> dict[str, bytes]:
    """Content of all files below a folder but lock files, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def partial_files(folder: Path) -> list[Path]:
    """Files below a folder that were not written to their end."""
    return sorted(folder.rglob(f"{PARTIAL_PREFIX}*"))
