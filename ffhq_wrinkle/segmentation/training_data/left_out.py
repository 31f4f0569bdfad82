"""Left out: the images of a data set that cannot be used for training, and why."""

import logging
from collections.abc import Mapping

from ...errors import TrainingDataError, counted, first_few, plural

log = logging.getLogger(__name__)


def report_left_out(
    reasons: Mapping[str, str], images: int, *, noun: str, cause: str, none_left: str
) -> None:
    """Warn of the images that are left out; do nothing if there are none.

    Parameters
    ----------
    reasons : mapping of str to str
        Why each of them is left out.
    images : int
        Number of images with these.
    noun : str
        Name of an image in the warning, such as ``photo``.
    cause : str
        The cause that they have in common, such as ``no face was found``.
    none_left : str
        Message of the error if all are left out, to which the first reason is added.

    Raises
    ------
    TrainingDataError
        No image is left.
    """
    if not reasons:
        return
    first = min(reasons)
    if len(reasons) == images:
        raise TrainingDataError(f"{none_left}: {first}: {reasons[first]}")
    log.warning(
        "%d of %s %s left out because %s: %s (%s: %s)",
        len(reasons),
        counted(images, noun),
        plural(len(reasons), "is", "are"),
        cause,
        first_few(sorted(reasons)),
        first,
        reasons[first],
    )
