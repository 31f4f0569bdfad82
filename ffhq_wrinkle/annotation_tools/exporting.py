"""Exporting: a folder of masks as a first version for annotators to correct in their tool.

Masks that come back through `importing` without a change have the same pixels.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args
from xml.sax.saxutils import quoteattr

import numpy as np

from .. import __version__
from ..dataset.layout import ImageFile, find_images, image_folder
from ..errors import ArgumentError, ImageError, ImageFailure, OutputError, SizeError, counted
from ..images.masks import decode_mask
from ..images.named import read_named
from ..images.opening import read_content
from ..images.photographs import decode_gray, read_size
from ..images.sizes import require_size
from ..results.failures import FAILURES, Failure, update_failures
from ..results.outputs import require_separate
from ..results.tabular import Tabular
from ..runs.pipeline import run_each
from ..runs.progress import Progress
from ..storage.locks import another_writes, lock_of
from ..storage.writing import opened_whole, write_bytes
from .writers.coco import CocoWriter
from .writers.cvat import CvatWriter
from .writers.drawing import Drawing, DrawnShape, Per, Writer, drawn_shapes
from .writers.label_studio import LabelStudioWriter
from .writers.labelme import LabelMeWriter

if TYPE_CHECKING:
    import pandas as pd

ExportFormat = Literal["cvat", "label-studio", "labelme", "coco"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
_RECORD, _CONFIG = "export.json", "label_config.xml"


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """How masks become the files of a tool.

    Attributes
    ----------
    format : str
        One of `FORMATS`.
    label : str
        Name of the class of all shapes.
    per : {"component", "image"}
        A shape for each connected component, or one for each image.
    threshold : int, optional
        For masks of more than two values: levels from this one up are drawn.
    prefix : str
        Text before the name of each image, such as an address.
    model_version : str
        For Label Studio: name of the predictions.

    Raises
    ------
    ArgumentError
        The format is unknown, or the label is empty.
    """

    format: ExportFormat
    label: str = "wrinkle"
    per: Per = "component"
    threshold: int | None = None
    prefix: str = ""
    model_version: str = "ffhq-wrinkle"

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ArgumentError(f"format is {self.format!r}; there are {', '.join(FORMATS)}")
        if not self.label.strip():
            raise ArgumentError("the label is empty")

    def writer(self) -> Writer:
        """Return a writer of the format."""
        if self.format == "cvat":
            return CvatWriter(self.label)
        if self.format == "labelme":
            return LabelMeWriter(self.label)
        if self.format == "coco":
            return CocoWriter(self.label)
        return LabelStudioWriter(self.label, model_version=self.model_version)


@dataclass(frozen=True, kw_only=True, repr=False)
class ExportReport(Tabular):
    """The outcome of an export: the folder, and numbers of images, shapes and failures."""

    out: Path
    file: str
    images: int
    shapes: int
    failed: int

    def summary(self) -> str:
        """Return the outcome as one line of text."""
        where = self.out / self.file if self.file else self.out
        of_images = f"{counted(self.shapes, 'shape')} of {counted(self.images, 'image')}"
        parts = [f"{of_images} written to {where}"]
        parts += [f"{self.failed} failed, see {self.out / FAILURES}"] if self.failed else []
        return ", ".join(parts)

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers as a pandas DataFrame of one row."""
        import pandas as pd

        columns = ("images", "shapes", "failed")
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)


class _Read(NamedTuple):
    """A mask that was read, as shapes."""

    name: str
    size: tuple[int, int]
    shapes: list[DrawnShape]


def export_folder(
    masks: Path,
    out: Path,
    settings: ExportSettings,
    *,
    images: Path | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> ExportReport:
    """Write the masks of a folder as files that an annotation tool takes.

    Parameters
    ----------
    masks : Path
        Folder of masks, flat or in shards.
    out : Path
        Gets the tool's file, or with LabelMe a file for each image, `export.json`, and
        `failures.csv` if masks failed.
    settings : ExportSettings
    images : Path, optional
        Folder of the photographs, whose names and sizes the tool knows. Masks without a photograph
        are failures.
    jobs : int
        Threads that read.
    overwrite : bool
        Replace files of an earlier export.

    Returns
    -------
    ExportReport

    Raises
    ------
    ArgumentError
        There are no masks or photographs, or folders overlap.
    OutputError
        Files exist already, or cannot be written.
    """
    require_separate([masks, images], [out])
    files = list(find_images(masks, noun="masks").values())
    photo_folder = image_folder(images) if images else None
    photographs = find_images(photo_folder) if photo_folder else None
    writer = settings.writer()

    def read(file: ImageFile) -> _Read:
        return _read(file, masks, out, settings, photographs, photo_folder)

    with lock_of(out, f".{_RECORD}.lock", busy=another_writes(out)):
        _require_new(
            out, [writer.file_name or f"{file.image_id}.json" for file in files], overwrite
        )
        (out / _RECORD).unlink(missing_ok=True)
        failures: list[Failure] = []
        count = shapes = 0
        with (
            _sink(out, writer) as write,
            Progress(len(files), "export-labels") as progress,
            run_each(files, read, jobs=jobs) as outcomes,
        ):
            for file, outcome in outcomes:
                progress.advance(failed=isinstance(outcome, ImageFailure))
                if isinstance(outcome, ImageFailure):
                    failures.append(Failure(file.path, outcome.step, str(outcome)))
                    continue
                count += 1
                shapes += len(outcome.shapes)
                drawing = Drawing(count, file.image_id, *outcome)
                write(drawing)
        if settings.format == "label-studio":
            write_bytes(out / _CONFIG, _label_config(settings.label))
        update_failures(out, failures, about=None)
        about = {"command": "export-labels", "version": __version__, "settings": asdict(settings)}
        counts = {"images": count, "shapes": shapes, "failed": len(failures)}
        record = json.dumps({**about, "counts": counts}, indent=2) + "\n"
        write_bytes(out / _RECORD, record.encode())
    return ExportReport(
        out=out, file=writer.file_name, images=count, shapes=shapes, failed=len(failures)
    )


@contextmanager
def _sink(out: Path, writer: Writer) -> Iterator[Callable[[Drawing], object]]:
    """Give a function that writes one image, into the one file or into its own."""
    if not writer.file_name:
        yield lambda drawing: write_bytes(
            out / f"{drawing.image_id}.json", writer.image(drawing).encode()
        )
        return
    with opened_whole(out / writer.file_name) as file:
        file.write(writer.begin().encode())
        yield lambda drawing: file.write(writer.image(drawing).encode())
        file.write(writer.end().encode())


def _require_new(out: Path, names: list[str], overwrite: bool) -> None:
    existing = [name for name in names if (out / name).exists()]
    if existing and not overwrite:
        raise OutputError(
            f"{out / existing[0]} exists already; choose another folder, or --overwrite"
        )


def _read(
    file: ImageFile,
    masks: Path,
    out: Path,
    settings: ExportSettings,
    photographs: dict[str, ImageFile] | None,
    folder: Path | None,
) -> _Read:
    """Read a mask and find its photograph.

    Raises
    ------
    ImageError
        The mask cannot be read, or there is no photograph of its name and size.
    """
    path = masks / file.path
    content = read_named(path, read_content)
    mask = read_named(
        path, lambda _: decode_mask(content, threshold=settings.threshold), keep_advice=True
    )
    size = (mask.shape[0], mask.shape[1])
    name = f"{file.image_id}.png"
    if photographs is not None and folder is not None:
        photograph = photographs.get(file.image_id)
        if photograph is None:
            raise ImageError(f"there is no photograph {file.image_id} in {folder}")
        photo = folder / photograph.path
        require_size(size, read_named(photo, read_size), name=path, of=photo, error=SizeError)
        name = photograph.path
        if settings.format == "labelme":
            name = os.path.relpath(photo, out)
    levels: np.ndarray | None = None
    if settings.threshold is not None:
        levels = read_named(path, lambda _: decode_gray(content))
    return _Read(f"{settings.prefix}{name}", size, drawn_shapes(mask, levels, settings.per))


def _label_config(label: str) -> bytes:
    """Return a labelling interface for Label Studio that fits the tasks."""
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        '  <BrushLabels name="brush" toName="image">\n'
        f"    <Label value={quoteattr(label)}/>\n  </BrushLabels>\n</View>\n"
    ).encode()
