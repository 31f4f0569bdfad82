"""Choices: which annotations of a listing become masks, of which size and under which names.

All that concerns the whole import is refused here, before anything is written.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ..dataset.layout import ImageFile
from ..errors import ArgumentError, ImageError, first_few
from ..images.limits import most_pixels
from ..images.photographs import read_size, stored_size
from .annotation import State
from .image_names import NamedImage, image_ids
from .listing import Entry, Listing
from .people import without_addresses
from .pixels import ALPHA

Submission = Literal["last", "first"]
Empty = Literal["drew-nothing", "missing"]
_NO_LABEL = "(without a label)"


@dataclass(frozen=True, kw_only=True)
class ImportSettings:
    """How annotations become masks.

    Attributes
    ----------
    labels : tuple of str
        Labels to import; the only one if none is given.
    line_width : float, optional
        Width of lines in pixels.
    alpha : int
        The lowest level of a brush that counts as drawn, 1..255.
    submission : {"last", "first"}
        Which of several submissions of one image by one person counts.
    empty : {"drew-nothing", "missing"}
        Whether an image without shapes gets a black mask, or none.
    resize : "nearest", optional
        Adapt annotations of another size than the photograph's.
    keep_names : bool
        As `image_names.image_ids`.

    Raises
    ------
    ArgumentError
        A value is out of its range.
    """

    labels: tuple[str, ...] = ()
    line_width: float | None = None
    alpha: int = ALPHA
    submission: Submission = "last"
    empty: Empty = "drew-nothing"
    resize: Literal["nearest"] | None = None
    keep_names: bool = False

    def __post_init__(self) -> None:
        if self.line_width is not None and not 0 < self.line_width < 10_000:
            raise ArgumentError(f"line_width is {self.line_width}; it should be above 0")
        if not 1 <= self.alpha <= 255:
            raise ArgumentError(f"alpha is {self.alpha}; it should be 1 to 255")


class Choice(NamedTuple):
    """The decision about one annotation.

    Attributes
    ----------
    entry : Entry
    annotator : str
        Name of the folder of its mask; "" for drafts and predictions.
    image_id : str
    size : tuple of int or None
        Rows and columns of the mask, if there is to be one.
    left_out : str
        Why there is no mask; "" if there is one.
    failure : str
        Why there can be no mask.
    """

    entry: Entry
    annotator: str
    image_id: str
    size: tuple[int, int] | None = None
    left_out: str = ""
    failure: str = ""

    @property
    def mask_name(self) -> str:
        """The path of the mask in the output folder."""
        return f"{self.annotator}/{self.image_id}.png"

    @property
    def is_imported(self) -> bool:
        """Whether a mask is to be written."""
        return not (self.left_out or self.failure)


class Choices(NamedTuple):
    """The choices for all entries of a listing, in their order, and the labels that count."""

    choices: list[Choice]
    labels: frozenset[str]
    annotators: dict[int, str]


def choose(
    listing: Listing,
    settings: ImportSettings,
    *,
    names: Sequence[str] = (),
    photographs: Mapping[str, ImageFile] | None = None,
    folder: Path | None = None,
) -> Choices:
    """Decide what becomes of each annotation.

    Parameters
    ----------
    listing : Listing
    settings : ImportSettings
    names : sequence of str
        Names of annotators, ``KNOWN=NAME``.
    photographs : mapping of str to ImageFile, optional
        The photographs by id, in `folder`, against which sizes are checked.
    folder : Path, optional

    Raises
    ------
    ArgumentError
        Nothing can be imported, or a choice is left to the user: several labels and none chosen,
        lines without a width, names of pictures that may mean two things.
    """
    entries = listing.entries
    drawn = [entry for entry in entries if entry.state is State.SUBMITTED and entry.person >= 0]
    if not drawn and not listing.failures:
        states = ", ".join(sorted({entry.state.value for entry in entries})) or "no annotation"
        raise ArgumentError(f"nothing to import: the exports have {states} only")
    labels = _chosen_labels(drawn, settings.labels)
    _require_width(listing, drawn, labels, settings)
    annotators = listing.people.named({entry.person for entry in drawn}, names)
    ids = image_ids(
        map(_named, entries),
        photographs=photographs,
        keep_names=settings.keep_names,
    )
    sizes = _known_sizes(entries, ids)
    latest = _chosen_submissions(drawn, annotators, ids, settings.submission)
    choices = []
    for entry in entries:
        image_id = ids[_named(entry)]
        left_out = _left_out(entry, latest, settings)
        annotator = annotators.get(entry.person, "")
        if left_out:
            choices.append(Choice(entry, annotator, image_id, left_out=left_out))
            continue
        try:
            if photographs is None or folder is None:
                size = _size_without_photographs(entry, sizes[image_id])
            else:
                size = _size_of_photograph(entry, image_id, photographs, folder, settings)
        except ImageError as error:
            failure = without_addresses(str(error))
            choices.append(Choice(entry, annotator, image_id, failure=failure))
        else:
            choices.append(Choice(entry, annotator, image_id, size))
    return Choices(choices, labels, annotators)


def _named(entry: Entry) -> NamedImage:
    task = entry.submission if entry.submission.startswith("task ") else ""
    # Label Studio's submissions name an annotation of a task, not a task that shares pictures.
    return NamedImage(entry.source, entry.image_name, "" if "," in task else task, entry.person)


def _chosen_labels(entries: Sequence[Entry], given: Sequence[str]) -> frozenset[str]:
    """Return the labels that count; a shape of a tool without labels counts in any case."""
    counts = Counter(
        shape.label
        for entry in entries
        for shape in entry.shapes
        if shape.has_area and shape.label is not None
    )
    shown = ", ".join(f"{label or _NO_LABEL} ({count})" for label, count in sorted(counts.items()))
    missing = [label for label in given if label not in counts]
    if missing:
        raise ArgumentError(
            f"no shape has the label {missing[0]!r}; there are {without_addresses(shown) or 'none'}"
        )
    if given or len(counts) < 2:
        return frozenset(given or counts)
    raise ArgumentError(
        f"the shapes have several labels: {without_addresses(shown)}; choose by --label"
    )


def _require_width(
    listing: Listing, entries: Sequence[Entry], labels: frozenset[str], settings: ImportSettings
) -> None:
    lines = [
        (entry, shape)
        for entry in entries
        for shape in entry.shapes
        if shape.needs_width and is_chosen(shape.label, labels)
    ]
    if lines and settings.line_width is None:
        entry, shape = lines[0]
        file = listing.sources[entry.source].file
        raise ArgumentError(
            without_addresses(
                f"{len(lines)} shapes are lines, such as a {shape.kind} in {file}, image "
                f"{entry.image_name}; no tool stores their width: give it in pixels by --line-width"
            )
        )


def is_chosen(label: str | None, labels: frozenset[str]) -> bool:
    """Return whether shapes of a label are imported."""
    return label is None or label in labels


def _known_sizes(
    entries: Sequence[Entry], ids: Mapping[NamedImage, str]
) -> dict[str, set[tuple[int, int]]]:
    sizes: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for entry in entries:
        known = sizes[ids[_named(entry)]]
        if entry.size is not None:
            known.add(entry.size)
    return sizes


def _chosen_submissions(
    entries: Sequence[Entry],
    annotators: Mapping[int, str],
    ids: Mapping[NamedImage, str],
    submission: Submission,
) -> dict[int, Entry]:
    """Return, by the identity of each entry, the submission that counts in its place."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[annotators[entry.person], ids[_named(entry)]].append(entry)
    chosen = {}
    for group in groups.values():
        # Without times, the order of the files; sorting keeps the order of equal times.
        timed = all(entry.submitted for entry in group)
        ordered = sorted(group, key=lambda entry: entry.submitted) if timed else group
        for entry in group:
            chosen[id(entry)] = ordered[-1 if submission == "last" else 0]
    return chosen


def _left_out(entry: Entry, chosen: Mapping[int, Entry], settings: ImportSettings) -> str:
    if entry.state is not State.SUBMITTED:
        return {
            State.SKIPPED: "the task was skipped",
            State.DRAFT: "a draft that was not submitted",
            State.PREDICTION: "a prediction, not an annotation",
        }[entry.state]
    if entry.person < 0:
        return "without shapes, and the file does not say who looked at it"
    counted = chosen[id(entry)]
    if counted is not entry:
        which = f"the {settings.submission} one counts" + (
            f", {counted.submission}" if counted.submission else ""
        )
        return f"one of several submissions by the same person: {which}"
    if not entry.shapes and settings.empty == "missing":
        return "nothing was drawn, which counts as missing"
    return ""


def _size_without_photographs(entry: Entry, known: set[tuple[int, int]]) -> tuple[int, int]:
    size = entry.size
    if size is None:
        if len(known) != 1:
            raise ImageError(
                "the export does not have the size of this image; name the folder of the "
                "photographs by --images"
            )
        (size,) = known
    if not 0 < size[0] * size[1] <= most_pixels() or min(size) < 1:
        raise ImageError(f"an image of {size[1]}x{size[0]} pixels is not read")
    return size


def _size_of_photograph(
    entry: Entry,
    image_id: str,
    photographs: Mapping[str, ImageFile],
    folder: Path,
    settings: ImportSettings,
) -> tuple[int, int]:
    file = photographs.get(image_id)
    if file is None:
        examples = first_few(sorted(photographs))
        raise ImageError(f"there is no photograph {image_id}; there are {examples}")
    path = folder / file.path
    try:
        size = read_size(path)
        stored = stored_size(path)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from error
    if entry.size is None or entry.size == size:
        return size
    said = f"the annotation is of {entry.size[1]}x{entry.size[0]}, but {path} is "
    if entry.size == stored:
        raise ImageError(
            f"{said}{size[1]}x{size[0]} upright: the tool did not turn the photograph by its EXIF "
            "orientation, so the drawing lies on its side; export from a tool that does, or turn "
            "the photographs before they are annotated"
        )
    if settings.resize is None:
        raise ImageError(f"{said}{size[1]}x{size[0]}; --resize nearest adapts it")
    return size
