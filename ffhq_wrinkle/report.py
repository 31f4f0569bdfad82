"""Report: an `Agreement` as a folder of files: tables, and pictures of what they say."""

import json
import logging
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from .agreement import Agreement
from .annotations import read_annotations
from .errors import ImageError, OutputError
from .figures import distribution, overlay, pair_matrix
from .files import PARTIAL_PREFIX, encode_png, read_image, write_bytes
from .manifest import find_images, image_folder
from .outputs import require_separate
from .tables import LISTED, markdown, pairs_csv, per_image_csv, record

log = logging.getLogger(__name__)

_DISPUTED_FOLDER = "disputed"
_RECORD = "agreement.json"  # written last
_FILES = {
    "agreement.csv",
    "per_image.csv",
    "agreement.md",
    "pairs.png",
    "distribution.png",
    _RECORD,
}
_LOCK = ".agreement.json.lock"
_LONG_NAME = 200  # bytes, of the 255 that most file systems allow
_DISPUTED_FILE = re.compile(r"\d\d_.*\.png")


def require_report(
    out: Path, read: Sequence[Path | None] = (), *, photos: Path | None = None
) -> None:
    """Refuse, before the work begins, what `write_report` could not work with.

    Parameters
    ----------
    out : Path
        The folder, which need not be there, and may hold an earlier report but nothing else.
    read : sequence of Path
        Folders that are read, and may not be the same.
    photos : Path, optional
        Photographs, of which there must be some.

    Raises
    ------
    ArgumentError
        It is a folder that is read, or there are no photographs.
    OutputError
        There is something else in it, or it can not be listed.
    """
    require_separate([*read, photos], [out])
    if photos:
        find_images(image_folder(photos))
    there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise OutputError(f"{out} can not be written: {there} is no folder that may be written")
    strangers = list(_strangers(out)) if there is out else []
    if strangers:
        raise OutputError(f"{out} holds other files, such as {strangers[0]}; choose another folder")


def _strangers(out: Path) -> Iterator[Path]:
    """What is in a folder, and no part of a report."""
    disputed = out / _DISPUTED_FOLDER
    for path in out.iterdir():
        ours = path.name in {*_FILES, _LOCK} or path.name.startswith(PARTIAL_PREFIX)
        if path != disputed and not (ours and path.is_file()):
            yield path
    if disputed.is_symlink() or (disputed.exists() and not disputed.is_dir()):
        yield disputed
    elif disputed.is_dir():
        for path in disputed.iterdir():
            drawn = _DISPUTED_FILE.fullmatch(path.name) is not None
            if not ((drawn or path.name.startswith(PARTIAL_PREFIX)) and path.is_file()):
                yield path


def write_report(agreement: Agreement, out: Path, *, photos: Path | None = None) -> None:
    """Write tables and pictures of an agreement; those of an earlier report are replaced.

    Parameters
    ----------
    agreement : Agreement
        What to write about.
    out : Path
        A folder of its own; see `require_report`.
    photos : Path, optional
        Photographs to lay beneath the most disputed masks.

    Raises
    ------
    OutputError
        A file can not be written, or the folder holds other files.
    """
    require_report(out, photos=photos)
    record_text = json.dumps(record(agreement), indent=2, allow_nan=False) + "\n"
    pictures = dict(_disputed_pictures(agreement, photos))
    files = {
        **pictures,
        "pairs.png": pair_matrix(agreement),
        "distribution.png": distribution(agreement),
        "agreement.csv": pairs_csv(agreement),
        "per_image.csv": per_image_csv(agreement),
        "agreement.md": markdown(agreement).encode("utf-8", "surrogateescape"),
        _RECORD: record_text.encode(),  # written last: a folder that has it is whole
    }
    try:
        (out / _DISPUTED_FOLDER).mkdir(parents=True, exist_ok=True)
        with FileLock(out / _LOCK, blocking=False):
            (out / _RECORD).unlink(missing_ok=True)
            for path in (*out.glob(f"{PARTIAL_PREFIX}*"), *(out / _DISPUTED_FOLDER).iterdir()):
                if path.relative_to(out).as_posix() not in pictures:
                    path.unlink()
            for name, content in files.items():
                write_bytes(out / name, content)
    except Timeout as error:
        raise OutputError(
            f"another run is writing to {out}; wait for it, or choose another folder"
        ) from error
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error


def _disputed_pictures(agreement: Agreement, photos: Path | None) -> Iterable[tuple[str, bytes]]:
    """Place and PNG of an overlay of each of the most disputed images."""
    found = find_images(image_folder(photos)) if photos else {}
    for rank, number in enumerate(agreement.disputed()[:LISTED], start=1):
        image = agreement.images[number]
        image_id = image.file.image_id
        masks, region = read_annotations(image, agreement.settings)
        photo = None
        if photos and image_id in found:
            try:
                photo = read_image(image_folder(photos) / found[image_id].path)
            except ImageError as error:
                log.warning("no photograph beneath %s: %s", image_id, error)
        elif photos:
            log.warning("no photograph beneath %s: %s has none", image_id, photos)
        if photo is not None and not _has_proportions(photo, masks[0].shape):
            log.warning("no photograph beneath %s: it has other proportions", image_id)
            photo = None
        title = f"{image_id}  disagreement {agreement.disagreement[number]:.2f}"
        inside = masks if region is None else [mask & region for mask in masks]
        picture = overlay(inside, agreement.names, photo, title)
        short = image_id if len(os.fsencode(image_id)) < _LONG_NAME else image_id[:50]
        yield f"{_DISPUTED_FOLDER}/{rank:02d}_{short}.png", encode_png(picture)


def _has_proportions(photo: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a photograph can lie beneath masks of this shape without being distorted."""
    return math.isclose(photo.shape[0] * shape[1], photo.shape[1] * shape[0], rel_tol=0.02)
