"""Label values: arrays of numbers in which each value but 0 is a class or a segment."""

from collections.abc import Callable, Mapping

import numpy as np

from ..annotation import Pixels, Shape


def shapes_of_values(
    values: np.ndarray, names: Mapping[int, str] | None = None, *, left: int = 0, top: int = 0
) -> tuple[Shape, ...]:
    """Return a shape for each value of an array but 0.

    Parameters
    ----------
    values : np.ndarray
        Whole numbers, (h, w).
    names : mapping of int to str, optional
        Labels by value; values without a name are left out. If not given, labels are the values
        themselves, and there is none if there is only one value.
    left, top : int
        Place of the array in the image.

    Returns
    -------
    tuple of Shape
    """
    used = [int(value) for value in np.unique(values) if value]
    if names is None:
        named = {value: str(value) if len(used) > 1 else None for value in used}
    else:
        named = {value: names[value] for value in used if value in names}
    return tuple(
        Shape("labels", label, (Pixels(_equal(values, value), left, top),), f"value {value}")
        for value, label in named.items()
    )


def _equal(values: np.ndarray, value: int) -> Callable[[], np.ndarray]:
    return lambda: values == value
