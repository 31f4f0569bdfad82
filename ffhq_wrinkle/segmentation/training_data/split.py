"""Split: which images train, which choose the best epoch, and which are kept for testing."""

import csv
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...dataset.ids import official_test_ids
from ...errors import ArgumentError
from ...storage.writing import csv_bytes, write_bytes
from .sample_files import PARTS, Part
from .samples import Sample, Stage
from .twins import same_pictures, twins_of

log = logging.getLogger(__name__)

SHARES = (0.8, 0.1, 0.1)
PRETRAIN_PARTS: tuple[Part, ...] = ("train", "val")  # without which there is no pretraining
_COLUMNS = ("image_id", "part", "used")
_USED = {"yes": True, "no": False}
_NAMED = 5


@dataclass(frozen=True)
class Split:
    """The part of each image.

    Attributes
    ----------
    parts : mapping of str to {"train", "val", "test"}
        By image id.
    unused : frozenset of str
        Ids of the training part that a fraction leaves out.
    """

    parts: Mapping[str, Part]
    unused: frozenset[str] = frozenset()

    def ids(self, part: Part) -> list[str]:
        """Ids of a part that are used, in order."""
        return sorted(
            image_id
            for image_id, found in self.parts.items()
            if found == part and image_id not in self.unused
        )


def make_split(
    samples: Sequence[Sample],
    *,
    stage: Stage,
    seed: int,
    fraction: float = 1.0,
    shares: tuple[float, float, float] = SHARES,
    test_ids: Collection[str] | None = None,
    given: Mapping[str, Part] | None = None,
    jobs: int = 1,
) -> Split:
    """Deal images out to training, validation and test.

    Images come in the order of a hash of seed and id, as if shuffled, but so that other images do
    not change who precedes whom. Official test ids are in the test part, which is filled up from
    the front to its share if they are fewer; the validation part is filled next, and the rest
    trains. Images that are the same picture go together. Of the training part `fraction` keeps
    the first by another such order, so that less is always part of more.

    Parameters
    ----------
    samples : sequence of Sample
        Their images are read, as in `twins.same_pictures`.
    stage : {"pretrain", "finetune"}
        What they are for.
    seed : int
        Which shuffle.
    fraction : float
        How much of the training part is used, at least one image.
    shares : tuple of float
        Of train, val and test in all images; 1 together.
    test_ids : collection of str, optional
        Ids that are for testing, where they are present; the 100 official ones if not given.
    given : mapping of str to Part, optional
        Each id's part, as a manifest says; then seed, shares and test ids do not deal.
    jobs : int
        Threads that read.

    Returns
    -------
    Split

    Raises
    ------
    ArgumentError
        The fraction or a share is not between 0 and 1, a part would be empty, or `given` lacks an
        image or has the same picture in two parts.
    TrainingDataError
        Images can not be read.
    """
    if not 0 < fraction <= 1:
        raise ArgumentError(f"fraction is {fraction}; it should be above 0, and at most 1")
    if not all(0 < share < 1 for share in shares) or not math.isclose(sum(shares), 1):
        raise ArgumentError(f"shares are {shares}; they should be above 0, and 1 together")
    official = set(official_test_ids() if test_ids is None else test_ids)
    groups = same_pictures(samples, stage=stage, jobs=jobs)
    if given:
        parts = _given_parts(groups, given)
        _warn_of_test_ids(parts, official)
    else:
        parts = _dealt_parts(groups, seed, shares, official)
    train = [image_id for image_id, part in parts.items() if part == "train"]
    keep = max(1, math.floor(fraction * len(train) + 0.5))
    unused = sorted(train, key=lambda image_id: _order(seed, "fraction", image_id))[keep:]
    return Split(dict(sorted(parts.items())), frozenset(unused))


def make_pretrain_split(
    samples: Sequence[Sample],
    decided: Mapping[str, Part],
    *,
    test_ids: Collection[str] | None = None,
    given: Mapping[str, Part] | None = None,
    jobs: int = 1,
) -> Split:
    """Have everything train that is not kept for validation and testing.

    An image is in the part that was decided for it or, if none was, in the one that a manifest
    gives it; without one official test ids are in the test part and all others train. What would
    train, but is the same picture as an image of another part, goes there.

    Parameters
    ----------
    samples : sequence of Sample
        Of pretraining. Their images are decoded, as far as `twins.twins_of` needs it.
    decided : mapping of str to Part
        The part of images with human masks, as `make_split` dealt them.
    test_ids, given, jobs
        As `make_split`.

    Returns
    -------
    Split

    Raises
    ------
    ArgumentError
        No image is left to train on, or to validate with.
    TrainingDataError
        Images can not be read.
    """
    official = set(official_test_ids() if test_ids is None else test_ids)
    parts: dict[str, Part] = {}
    for image_id in sorted(one.image_id for one in samples):
        dealt: Part = "test" if image_id in official else "train"
        parts[image_id] = decided.get(image_id) or (given or {}).get(image_id) or dealt
    kept = [one for one in samples if parts[one.image_id] != "train"]
    others = [one for one in samples if parts[one.image_id] == "train"]
    twins = twins_of(kept, others, jobs=jobs)
    parts |= {image_id: parts[twin] for image_id, twin in twins.items()}
    if twins:
        first = min(twins)
        log.warning(
            "%d images are not pretrained on, for they are the same pictures as images that are "
            "validated or tested with, such as %s and %s",
            *(len(twins), first, twins[first]),
        )
    _require_parts(parts, needed=PRETRAIN_PARTS)
    _warn_of_test_ids({one: part for one, part in parts.items() if one not in decided}, official)
    return Split(parts)


def write_split(path: Path, split: Split) -> None:
    """Write a split as CSV: image_id, part, and whether it is used, yes or no.

    Raises
    ------
    OutputError
        The file can not be written.
    """
    rows = (
        (image_id, part, "no" if image_id in split.unused else "yes")
        for image_id, part in sorted(split.parts.items())
    )
    write_bytes(path, csv_bytes(_COLUMNS, rows))


def read_split(path: Path, samples: Iterable[Sample], *, needed: Sequence[Part] = PARTS) -> Split:
    """Read what `write_split` wrote of the same images.

    Parameters
    ----------
    path : Path
        The file.
    samples : iterable of Sample
        The images.
    needed : sequence of Part
        Parts that may not be empty.

    Returns
    -------
    Split

    Raises
    ------
    ArgumentError
        The file can not be read, a line is wrong, or its images are not those of `samples`.
    """
    split = split_in(path)
    listed = {sample.image_id for sample in samples}
    for ids, what in (
        (split.parts.keys() - listed, "gone"),
        (listed - split.parts.keys(), "not in it"),
    ):
        if ids:
            raise ArgumentError(
                f"{path} is the split of other data: {len(ids)} images are {what}, such as "
                f"{', '.join(sorted(ids)[:_NAMED])}"
            )
    _require_parts(split.parts, needed=needed)
    return split


def split_in(path: Path) -> Split:
    """Read what `write_split` wrote, of whichever images.

    Raises
    ------
    ArgumentError
        The file can not be read, or a line is wrong.
    """
    parts: dict[str, Part] = {}
    unused = set()
    known: dict[str, Part] = {part: part for part in PARTS}
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.reader(file, strict=True)
            if tuple(next(table, ())) != _COLUMNS:
                raise ArgumentError(f"{path}:1: the columns should be {', '.join(_COLUMNS)}")
            for row in table:
                fits = len(row) == 3 and row[1] in known and row[2] in _USED
                if not fits or row[0] in parts or (row[2] == "no" and row[1] != "train"):
                    raise ArgumentError(
                        f"{path}:{table.line_num}: {','.join(row)!r} should be an image id, named "
                        "once, train, val or test, and yes, or for some of train no"
                    )
                parts[row[0]] = known[row[1]]
                if not _USED[row[2]]:
                    unused.add(row[0])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ArgumentError(f"{path} can not be read as a split: {error}") from error
    return Split(parts, frozenset(unused))


def _order(seed: int, purpose: str, image_id: str) -> bytes:
    """Where an id comes in an order that depends on nothing else."""
    return hashlib.sha256(f"{seed} {purpose} {image_id}".encode("utf-8", "replace")).digest()


def _dealt_parts(
    groups: list[list[str]], seed: int, shares: tuple[float, float, float], official: set[str]
) -> dict[str, Part]:
    """The part of each id by seed and shares."""
    images = sum(len(group) for group in groups)
    wanted: dict[Part, int] = {
        part: max(1, math.floor(share * images + 0.5))
        for part, share in zip(PARTS, shares, strict=True)
    }
    parts: dict[str, Part] = {}
    counts: Counter[Part] = Counter()

    def put(group: list[str], part: Part) -> None:
        parts.update(dict.fromkeys(group, part))
        counts[part] += len(group)

    rest = []
    for group in sorted(groups, key=lambda ids: _order(seed, "split", ids[0])):
        if official.isdisjoint(group):
            rest.append(group)
        else:
            put(group, "test")
    for group in rest:
        filling: tuple[Part, ...] = ("test", "val")
        put(group, next((part for part in filling if counts[part] < wanted[part]), "train"))
    _require_parts(parts, groups=len(groups))
    return parts


def _given_parts(groups: list[list[str]], given: Mapping[str, Part]) -> dict[str, Part]:
    """The part of each id as given, if no picture is in two."""
    lacking = [one for group in groups for one in group if one not in given]
    if lacking:
        raise ArgumentError(f"{len(lacking)} images have no part, such as {lacking[0]}")
    for group in groups:
        first, *others = group
        for other in others:
            if given[other] != given[first]:
                raise ArgumentError(
                    f"{first} and {other} are the same picture, but one is in {given[first]} and "
                    f"the other in {given[other]}; give them one part"
                )
    parts = {image_id: given[image_id] for group in groups for image_id in group}
    _require_parts(parts)
    return parts


def _require_parts(
    parts: Mapping[str, Part], *, groups: int | None = None, needed: Sequence[Part] = PARTS
) -> None:
    counts = Counter(parts.values())
    empty = [part for part in needed if not counts[part]]
    if empty:
        different = f", {groups} different pictures," if groups is not None else ""
        raise ArgumentError(
            f"of {len(parts)} images{different} none is left for {' and '.join(empty)}; training "
            f"needs images for {', '.join(needed[:-1])} and {needed[-1]} each"
        )


def _warn_of_test_ids(parts: Mapping[str, Part], official: set[str]) -> None:
    elsewhere = sorted(
        image_id for image_id in official & parts.keys() if parts[image_id] != "test"
    )
    if elsewhere:
        log.warning(
            "%d official test ids are in other parts by the manifest, such as %s",
            len(elsewhere),
            elsewhere[0],
        )
