"""Soft masks: the masks of a data set that hold shares of votes rather than two values."""

import logging
from collections.abc import Collection
from pathlib import Path

from ...errors import ImageError, ManyValuesError
from ...images.masks import read_mask
from ...results.records import fusion_method
from ...runs.pipeline import run_each

log = logging.getLogger(__name__)

_LOSSY = frozenset({".jpg", ".jpeg"})


def soft_masks(masks: Collection[Path], *, jobs: int = 1) -> set[Path]:
    """Return the soft masks of a data set.

    `fuse-labels` records its method in its folder, above shards and folders of images. All masks
    without such a record are of one kind, in however many folders they are: one of them with more
    than two values makes all of them soft, and so does a record of soft masks beside them. A
    single soft mask, or a whole shard, may happen to have only two values, such as 0 and 85.

    Parameters
    ----------
    masks : collection of Path
        All masks in use. Those without a record are decoded, unless others are soft.
    jobs : int
        Threads.

    Returns
    -------
    set of Path
    """
    methods = {folder: fusion_method(folder) for folder in {path.parent for path in masks}}
    recorded = {path for path in masks if methods[path.parent] == "soft"}
    unknown = sorted(path for path in masks if methods[path.parent] is None)
    if recorded:
        if unknown:
            log.info(
                "masks in %s are read as soft masks, like those in %s",
                *(unknown[0].parent, min(recorded).parent),
            )
        return recorded | set(unknown)
    with run_each(unknown, _has_many_levels, jobs=jobs) as outcomes:
        for path, many in outcomes:
            if many is True:
                log.info("the masks are read as soft masks: %s has more than two levels", path)
                return set(unknown)
    return set()


def _has_many_levels(path: Path) -> bool:
    """Whether a mask has more than two levels; `checks` reports masks that cannot be read."""
    try:
        read_mask(path)
    except ManyValuesError:
        return path.suffix.lower() not in _LOSSY  # JPEG blurs two values into many
    except ImageError:
        return False
    return False
