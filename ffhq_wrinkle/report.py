"""Report: an `Agreement` as a folder of files: tables, and pictures of what they say."""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

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
    try:
        entries = list(out.iterdir()) if out.exists() else []
        disputed = out / _DISPUTED_FOLDER
        inner = list(disputed.iterdir()) if disputed.is_dir() else []
    except OSError as error:
        raise OutputError(f"{out} can not be used for a report: {error.strerror}") from error
    strangers = [
        path
        for path in entries
        if path.name not in {*_FILES, _DISPUTED_FOLDER} and not path.name.startswith(PARTIAL_PREFIX)
    ]
    strangers += [disputed] if disputed.is_symlink() else []
    strangers += [
        path
        for path in inner
        if not _DISPUTED_FILE.fullmatch(path.name) and not path.name.startswith(PARTIAL_PREFIX)
    ]
    if strangers:
        raise OutputError(f"{out} holds other files, such as {strangers[0]}; choose another folder")


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
    pictures = dict(_disputed_pictures(agreement, photos))
    try:
        folder = out / _DISPUTED_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for path in (*out.glob(f"{PARTIAL_PREFIX}*"), *folder.iterdir()):
            if path.name not in pictures:
                path.unlink()
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error
    for name, content in pictures.items():
        write_bytes(folder / name, content)
    write_bytes(out / "pairs.png", pair_matrix(agreement))
    write_bytes(out / "distribution.png", distribution(agreement))
    write_bytes(out / "agreement.csv", pairs_csv(agreement))
    write_bytes(out / "per_image.csv", per_image_csv(agreement))
    write_bytes(out / "agreement.md", markdown(agreement).encode("utf-8", "surrogateescape"))
    text = json.dumps(record(agreement), indent=2, allow_nan=False) + "\n"
    write_bytes(out / _RECORD, text.encode())


def _disputed_pictures(agreement: Agreement, photos: Path | None) -> Iterable[tuple[str, bytes]]:
    """Name and PNG of an overlay of each of the most disputed images."""
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
        title = f"{image_id}  disagreement {agreement.disagreement[number]:.2f}"
        inside = masks if region is None else [mask & region for mask in masks]
        picture = overlay(inside, agreement.names, photo, title)
        yield f"{rank:02d}_{image_id}.png", encode_png(picture)
