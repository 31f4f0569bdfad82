"""Soft masks: the folders whose masks hold shares of votes, not two values."""

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
    """Tell which of the folders that masks lie in are of soft ones.

    `fuse-labels` has noted its method; of other folders one mask of more than two values decides,
    for a soft mask may happen to have no more than two, such as 0 and 85.

    Parameters
    ----------
    masks : collection of Path
        All that are used. Those of folders without a note are decoded.
    jobs : int
        Threads.

    Returns
    -------
    set of Path
    """
    noted = {
        folder: settings_if_readable(folder, FUSION_RECORD).get("method")
        for folder in {path.parent for path in masks}
    }
    soft = {folder for folder, method in noted.items() if method == "soft"}
    unknown = sorted(path for path in masks if noted[path.parent] is None)
    with run_each(unknown, _has_many_levels, jobs=jobs) as outcomes:
        for path, many in outcomes:
            if many is True and path.parent not in soft:
                log.info(
                    "masks in %s are taken as soft: %s has many levels", path.parent, path.name
                )
                soft.add(path.parent)
    return soft


def _has_many_levels(path: Path) -> bool:
    """Whether a mask has more than two; what can not be read is for `checks` to name."""
    try:
        read_mask(path)
    except ManyValuesError:
        return path.suffix.lower() not in _LOSSY  # JPEG blurs two values into many
    except ImageError:
        return False
    return False
