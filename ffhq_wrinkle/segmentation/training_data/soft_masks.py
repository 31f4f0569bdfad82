"""Soft masks: the folders whose masks hold shares of votes rather than two values."""

import logging
from collections.abc import Collection
from pathlib import Path

from ...errors import ImageError, ManyValuesError
from ...images.masks import read_mask
from ...results.records import FUSION_RECORD, settings_if_readable
from ...runs.pipeline import run_each

log = logging.getLogger(__name__)

_LOSSY = frozenset({".jpg", ".jpeg"})


def soft_folders(masks: Collection[Path], *, jobs: int = 1) -> set[Path]:
    """Return the folders of masks that hold soft masks.

    `fuse-labels` records its method in the folder. Without that record, one mask of more than two
    values makes its folder soft: a single soft mask may happen to have only two, such as 0 and 85.

    Parameters
    ----------
    masks : collection of Path
        All masks in use. Those in folders without a record are decoded.
    jobs : int
        Threads.

    Returns
    -------
    set of Path
    """
    methods = {
        folder: settings_if_readable(folder, FUSION_RECORD).get("method")
        for folder in {path.parent for path in masks}
    }
    soft = {folder for folder, method in methods.items() if method == "soft"}
    unknown = sorted(path for path in masks if methods[path.parent] is None)
    with run_each(unknown, _has_many_levels, jobs=jobs) as outcomes:
        for path, many in outcomes:
            if many is True and path.parent not in soft:
                log.info(
                    "masks in %s are read as soft masks: %s has more than two levels",
                    *(path.parent, path.name),
                )
                soft.add(path.parent)
    return soft


def _has_many_levels(path: Path) -> bool:
    """Whether a mask has more than two levels; `checks` reports masks that cannot be read."""
    try:
        read_mask(path)
    except ManyValuesError:
        return path.suffix.lower() not in _LOSSY  # JPEG blurs two values into many
    except ImageError:
        return False
    return False
