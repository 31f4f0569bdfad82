"""Verification report: a folder with the checks as JSON and Markdown, and pictures."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..reports.report_folder import ReportFolder
from ..storage.writing import text_bytes
from .tables import markdown, record
from .verification import Verification

_RECORD, _TABLES = "verify.json", "verify.md"


def _folder(out: Path) -> ReportFolder:
    return ReportFolder(out, [_TABLES], record=_RECORD, pictures="pictures")


def require_report(out: Path, read: Sequence[Path], *, overwrite: bool) -> None:
    """Check, before the work begins, that `write_report` can write; as `ReportFolder.require`."""
    _folder(out).require(read, overwrite=overwrite)


def write_report(verification: Verification, out: Path) -> None:
    """Write `verify.md`, pictures of what differs, and `verify.json`.

    Raises
    ------
    OutputError
        A file cannot be written, or the folder holds other files.
    """
    folder = _folder(out)
    folder.require()
    pictures = {
        folder.picture_name(rank, picture.image_id): picture
        for rank, picture in enumerate(verification.shown, start=1)
    }
    links = [f"![{picture.caption}]({name})" for name, picture in pictures.items()]
    captions = [
        f"{picture.image_id}: {picture.caption}.\n\n{link}"
        for picture, link in zip(pictures.values(), links, strict=True)
    ]
    text = "\n\n".join([markdown(verification).rstrip("\n"), *captions]) + "\n"
    folder.write(
        {
            **{name: picture.content for name, picture in pictures.items()},
            _TABLES: text_bytes(text),
            _RECORD: (json.dumps(record(verification), indent=2, allow_nan=False) + "\n").encode(),
        }
    )
