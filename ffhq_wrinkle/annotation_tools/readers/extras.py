"""Extras: libraries that only some formats need, and that users install with an extra."""

from ..export_files import ExportError, ExportFile


def missing_extra(file: ExportFile, extra: str) -> ExportError:
    """Return the error for a file whose library is not installed."""
    return ExportError(f"{file}: this needs a library: pip install 'ffhq-wrinkle[{extra}]'")
