"""Duplicates: photographs of test ids that are also photographs of other ids."""

from collections.abc import Iterator

from ..downloads.metadata import read_facts
from ..errors import TrainingDataError, first_few
from ..segmentation.training_data.samples import Sample
from ..segmentation.training_data.twins import same_pictures, twins_of
from .checks import Check, absent, command
from .data_files import DataFiles
from .published import Published

GROUP = "Split"
_IDS = 50_000  # the images of the data set; FFHQ has more
_EXPECTED = "none: a picture must not be both trained and tested on"
_SOURCE = "the definition of a test part"


def duplicate_checks(files: DataFiles, published: Published, *, jobs: int) -> Iterator[Check]:
    """Yield a check of copies of test images.

    With FFHQ's metadata, the hashes of the pixels of all images are compared. Otherwise the
    photographs are: pixel by pixel those with a manual mask, and byte by byte all others.
    """
    test_ids = set(published.test_ids)
    facts = read_facts(files.data)
    name = "copies of test images under other ids"
    if facts:
        by_pixels: dict[str, list[str]] = {}
        for image_id, fact in facts.items():
            if int(image_id) < _IDS:
                by_pixels.setdefault(fact.pixel_md5, []).append(image_id)
        groups = [sorted(group) for group in by_pixels.values() if len(group) > 1]
        compared = f"of {min(len(facts), _IDS):,} images, by pixel_md5"
        yield _check(name, _copies(groups, test_ids), compared)
        return
    present = sorted(test_ids & files.images.keys())
    if not present:
        get = command("download metadata DATA", files.data)
        yield absent(GROUP, name, expected=_EXPECTED, source=_SOURCE, get=get)
        return
    samples = {image_id: Sample(image_id, path) for image_id, path in files.images.items()}
    labelled = [
        samples[image_id]
        for image_id in files.manual
        if image_id in samples and image_id not in test_ids
    ]
    try:
        twins = twins_of([samples[image_id] for image_id in present], labelled, jobs=jobs)
        groups = same_pictures(list(samples.values()), stage="pretrain", jobs=jobs)
    except TrainingDataError as error:
        yield Check(
            group=GROUP, name=name, expected=_EXPECTED, source=_SOURCE, state="different",
            found="none", note=str(error),
        )  # fmt: skip
        return
    copies = sorted({*_copies(groups, test_ids), *(tuple(sorted(pair)) for pair in twins.items())})
    compared = f"of {len(samples):,} images: {len(labelled):,} by pixels, the rest by bytes"
    yield _check(name, copies, compared)


def _copies(groups: list[list[str]], test_ids: set[str]) -> list[tuple[str, ...]]:
    """Return the groups of ids with the same picture that hold test ids and others."""
    return [
        tuple(group)
        for group in groups
        if len(group) > 1 and 0 < sum(image_id in test_ids for image_id in group) < len(group)
    ]


def _check(name: str, copies: list[tuple[str, ...]], compared: str) -> Check:
    named = first_few([" and ".join(group) for group in copies])
    return Check(
        group=GROUP,
        name=name,
        expected=_EXPECTED,
        source=_SOURCE,
        state="different" if copies else "equal",
        found=f"{len(copies)} ({named})" if copies else "none",
        note=compared,
    )
