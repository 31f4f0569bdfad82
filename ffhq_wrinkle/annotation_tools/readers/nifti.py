"""NIfTI: label pictures of ITK-SNAP and others, read by `nibabel`.

The array as stored, (x, y) or (x, y, 1), is the transposed picture. ITK writes the directions -1,
-1 for pictures; "canonical" orders would turn them by 180 degrees.
"""

import gzip
import zlib
from collections.abc import Iterator

import numpy as np

from ..annotation import Annotation
from ..export_files import MAX_BYTES, ExportError, ExportFile
from .extras import missing_extra
from .label_values import shapes_of_values

_SUFFIXES = (".nii", ".nii.gz")


def is_nifti(file: ExportFile) -> bool:
    """Return whether a file is NIfTI-1 or 2 of one file, perhaps packed."""
    if not file.name.lower().endswith(_SUFFIXES):
        return False
    return file.head.startswith(b"\x1f\x8b") or file.head[344:347] in (b"n+1", b"ni1")


def read_nifti(file: ExportFile) -> Iterator[Annotation]:
    """Yield the annotation of a label picture.

    Raises
    ------
    ExportError
        The file is damaged, is not a picture of one slice, or `nibabel` is not installed.
    """
    try:
        import nibabel
        from nibabel.filebasedimages import ImageFileError
        from nibabel.spatialimages import HeaderDataError
        from nibabel.wrapstruct import WrapStructError
    except ImportError as error:
        raise missing_extra(file, "nifti") from error
    try:
        with file.opened() as content:
            if file.head.startswith(b"\x1f\x8b"):
                unpacked = gzip.GzipFile(fileobj=content).read(MAX_BYTES)
            else:
                unpacked = content.read(MAX_BYTES)
        image = nibabel.Nifti1Image.from_bytes(unpacked)
        values = np.asanyarray(image.dataobj)
    except (
        ImageFileError, HeaderDataError, WrapStructError, OSError, EOFError, ValueError, zlib.error,
    ) as error:  # fmt: skip
        raise ExportError(f"{file}: damaged or cut short: {error}") from error
    if values.dtype.kind not in "iu":
        whole = np.round(values).astype(np.int64)
        if (whole != values).any():
            raise ExportError(f"{file}: labels should be whole numbers, are {values.dtype}")
        values = whole
    while values.ndim > 2 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2:
        raise ExportError(f"{file}: an array of {'x'.join(map(str, values.shape))}, not a picture")
    _require_plain(file, np.array(image.affine))
    name = file.stem.removesuffix(".nii")
    picture = values.T
    yield Annotation(
        image_name=name,
        shapes=shapes_of_values(picture),
        size=(picture.shape[0], picture.shape[1]),
    )


def _require_plain(file: ExportFile, affine: np.ndarray) -> None:
    """Refuse directions other than those that mean the array as stored."""
    plane = affine[:2, :2]
    mixed = np.abs(plane - np.diag(plane.diagonal())).max() > 1e-6 * np.abs(plane).max()
    if mixed or plane[0, 0] * plane[1, 1] <= 0:
        raise ExportError(
            f"{file}: its directions are {np.round(plane, 3).tolist()}; only pictures whose axes "
            "are x and y, both turned or none, are read"
        )
