"""Split: the images that train, those that choose the best epoch, and those kept for testing."""

import hashlib
import logging
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ...dataset.ids import official_test_ids
from ...dataset.subjects import joined_by_subject, subjects_of
from ...errors import ArgumentError, counted
from .sample_files import PARTS, Part
from .samples import Sample, Stage
from .twins import same_pictures, twins_of

log = logging.getLogger(__name__)

SHARES = (0.8, 0.1, 0.1)
PRETRAIN_PARTS: tuple[Part, ...] = ("train", "val")  # pretraining can do without a test part


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
        """Return the ids of a part that are used, in order."""
        return sorted(
            image_id
            for image_id, its_part in self.parts.items()
            if its_part == part and image_id not in self.unused
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
    group_by: str | None = None,
    jobs: int = 1,
) -> Split:
    """Divide images into training, validation and test parts.

    Images are ordered by a hash of seed and id: as if shuffled, but additional images do not change
    the order of the others. Official test ids go to the test part, which is filled up from the
    front of that order if they are fewer than its share. The validation part is filled next, and
    the rest trains. Copies of one picture go together, and so do images of one subject if these are
    known. `fraction` keeps the first images of the
    training part in another such order, so that a smaller fraction is part of a larger one.

    Parameters
    ----------
    samples : sequence of Sample
        Their images are read, as by `twins.same_pictures`.
    stage : {"pretrain", "finetune"}
        The stage that they are for.
    seed : int
        Seed of the shuffle.
    fraction : float
        Share of the training part that is used, at least one image.
    shares : tuple of float
        Shares of train, val and test in all images; they add up to 1.
    test_ids : collection of str, optional
        Ids for the test part, as far as they are present; the 100 official ones by default.
    given : mapping of str to Part, optional
        The part of each id as a CSV gives it, in place of one by seed, shares and test ids.
    group_by : str, optional
        Which images show the same subject, a rule of `subjects.subjects_of`.
    jobs : int
        Threads.

    Returns
    -------
    Split

    Raises
    ------
    ArgumentError
        The fraction or a share is not between 0 and 1, a part would be empty, or `given` lacks an
        image or has copies of one picture, or one subject, in two parts.
    TrainingDataError
        Images cannot be read.
    """
    if not 0 < fraction <= 1:
        raise ArgumentError(f"fraction is {fraction}; it should be above 0 and at most 1")
    if not all(0 < share < 1 for share in shares) or not math.isclose(sum(shares), 1):
        raise ArgumentError(f"shares are {shares}; they should be above 0 and add up to 1")
    official = _test_ids(test_ids)
    groups = same_pictures(samples, stage=stage, jobs=jobs)
    if group_by:
        subjects = subjects_of((sample.image_id for sample in samples), group_by)
    if given:
        parts = _given_parts(groups, given)
        if group_by:
            _require_one_part_each(parts, subjects)
        _warn_of_test_ids(parts, official)
    else:
        noun = "different picture"
        if group_by:
            groups, noun = joined_by_subject(groups, subjects), "subject"
        parts = _parts_by_seed(groups, seed, shares, official, noun)
    train = [image_id for image_id, part in parts.items() if part == "train"]
    used = max(1, math.floor(fraction * len(train) + 0.5))
    unused = sorted(train, key=lambda image_id: _order(seed, "fraction", image_id))[used:]
    return Split(dict(sorted(parts.items())), frozenset(unused))


def make_pretrain_split(
    samples: Sequence[Sample],
    decided: Mapping[str, Part],
    *,
    test_ids: Collection[str] | None = None,
    given: Mapping[str, Part] | None = None,
    group_by: str | None = None,
    jobs: int = 1,
) -> Split:
    """Divide images so that everything trains that is not kept for validation and testing.

    An image goes to the part that was decided for it or, without one, to the part that a CSV
    gives. Official test ids without either go to the test part, and all else trains. A copy of a
    picture that is validated or tested with goes to the part of that picture, and other images of
    a subject in these parts to the part of the subject.

    Parameters
    ----------
    samples : sequence of Sample
        The images of pretraining. They are decoded as far as `twins.twins_of` needs it.
    decided : mapping of str to Part
        The part of each image with a human mask, from `make_split`.
    test_ids, given, group_by, jobs
        As `make_split`.

    Returns
    -------
    Split

    Raises
    ------
    ArgumentError
        No image is left to train on, or to validate with.
    TrainingDataError
        Images cannot be read.
    """
    official = _test_ids(test_ids)
    parts: dict[str, Part] = {}
    for image_id in sorted(sample.image_id for sample in samples):
        otherwise: Part = "test" if image_id in official else "train"
        parts[image_id] = decided.get(image_id) or (given or {}).get(image_id) or otherwise
    kept = [sample for sample in samples if parts[sample.image_id] != "train"]
    others = [sample for sample in samples if parts[sample.image_id] == "train"]
    twins = twins_of(kept, others, jobs=jobs)
    parts |= {image_id: parts[twin] for image_id, twin in twins.items()}
    if twins:
        first = min(twins)
        log.warning(
            "left out of pretraining: %s with the same picture as a validation or test image, such "
            "as %s and %s",
            *(counted(len(twins), "image"), first, twins[first]),
        )
    if group_by:
        parts |= _of_kept_subjects(parts, subjects_of(parts, group_by))
    require_parts(parts, needed=PRETRAIN_PARTS)
    _warn_of_test_ids(
        {image_id: part for image_id, part in parts.items() if image_id not in decided}, official
    )
    return Split(parts)


def require_parts(
    parts: Mapping[str, Part], *, different: str = "", needed: Sequence[Part] = PARTS
) -> None:
    """Require that parts have images.

    Parameters
    ----------
    parts : mapping of str to Part
        The part of each image.
    different : str
        How many different pictures or subjects the images are, for the message.
    needed : sequence of Part
        Parts that must not be empty.

    Raises
    ------
    ArgumentError
        A part is empty.
    """
    counts = Counter(parts.values())
    empty = [part for part in needed if not counts[part]]
    if empty:
        of_these = f", {different}," if different else ""
        raise ArgumentError(
            f"none of {counted(len(parts), 'image')}{of_these} is left for "
            f"{' and '.join(empty)}; training needs images for each of "
            f"{', '.join(needed[:-1])} and {needed[-1]}"
        )


def _test_ids(test_ids: Collection[str] | None) -> set[str]:
    return set(official_test_ids() if test_ids is None else test_ids)


def _order(seed: int, purpose: str, image_id: str) -> bytes:
    """Sort key of an id that depends on nothing else."""
    return hashlib.sha256(f"{seed} {purpose} {image_id}".encode("utf-8", "replace")).digest()


def _parts_by_seed(
    groups: list[list[str]],
    seed: int,
    shares: tuple[float, float, float],
    official: set[str],
    noun: str,
) -> dict[str, Part]:
    """Fill first the test part, official ids before others, then val, then train."""
    images = sum(len(group) for group in groups)
    wanted: dict[Part, int] = {
        part: max(1, math.floor(share * images + 0.5))
        for part, share in zip(PARTS, shares, strict=True)
    }
    parts: dict[str, Part] = {}
    counts: Counter[Part] = Counter()
    for group in sorted(
        groups, key=lambda ids: (official.isdisjoint(ids), _order(seed, "split", ids[0]))
    ):
        part: Part = "train"
        if not official.isdisjoint(group) or counts["test"] < wanted["test"]:
            part = "test"
        elif counts["val"] < wanted["val"]:
            part = "val"
        parts.update(dict.fromkeys(group, part))
        counts[part] += len(group)
    require_parts(parts, different=counted(len(groups), noun))
    return parts


def _given_parts(groups: list[list[str]], given: Mapping[str, Part]) -> dict[str, Part]:
    """Return the given part of each id, after making sure that no picture is in two."""
    lacking = [image_id for group in groups for image_id in group if image_id not in given]
    if lacking:
        raise ArgumentError(
            f"{counted(len(lacking), 'image')} without a part, such as {lacking[0]}"
        )
    for first, *others in groups:
        for other in others:
            if given[other] != given[first]:
                raise ArgumentError(
                    f"{first} and {other} are the same picture, but one is in {given[first]} and "
                    f"the other in {given[other]}; give them one part"
                )
    parts = {image_id: given[image_id] for group in groups for image_id in group}
    require_parts(parts)
    return parts


def _require_one_part_each(parts: Mapping[str, Part], subjects: Mapping[str, str]) -> None:
    """Refuse given parts in which a subject is in two."""
    first_of: dict[str, str] = {}
    for image_id, part in parts.items():
        first = first_of.setdefault(subjects[image_id], image_id)
        if parts[first] != part:
            raise ArgumentError(
                f"{first} and {image_id} show one subject, but one is in {parts[first]} and the "
                f"other in {part}; give them one part"
            )


def _of_kept_subjects(parts: Mapping[str, Part], subjects: Mapping[str, str]) -> dict[str, Part]:
    """Return the images that would train but show a subject of another part, with that part."""
    kept: dict[str, Part] = {}
    for image_id, part in parts.items():
        if part != "train":
            kept[subjects[image_id]] = part
    moved = {
        image_id: kept[subjects[image_id]]
        for image_id, part in parts.items()
        if part == "train" and subjects[image_id] in kept
    }
    if moved:
        log.info(
            "%d images are not pretrained on because they show subjects of validation or test "
            "images, such as %s",
            *(len(moved), min(moved)),
        )
    return moved


def _warn_of_test_ids(parts: Mapping[str, Part], official: set[str]) -> None:
    elsewhere = sorted(
        image_id for image_id in official & parts.keys() if parts[image_id] != "test"
    )
    if elsewhere:
        log.warning(
            "the CSV gives %s to other parts than test, such as %s",
            *(counted(len(elsewhere), "official test id"), elsewhere[0]),
        )
