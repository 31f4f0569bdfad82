"""Arguments: conversion of plain values, such as paths and ids, to the types of the library."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from ..dataset.ids import Ids, merge_ids, parse_ids_or_test
from ..errors import ArgumentError
from ..images.arrays import plain_array
from ..storage.places import Place, parse_place

AnyPath = str | Place
AnyIds = str | Iterable[str] | Ids
# Masks in memory, in order or by image id.
Masks = Sequence[np.ndarray] | Mapping[str, np.ndarray]


@overload
def as_place(value: AnyPath) -> Place: ...
@overload
def as_place(value: AnyPath | None) -> Place | None: ...
def as_place(value: AnyPath | None) -> Place | None:
    """Return the place that a path, or an address in an object store, stands for."""
    return parse_place(value) if isinstance(value, str) else value


@overload
def as_path(value: AnyPath) -> Path: ...
@overload
def as_path(value: AnyPath | None) -> Path | None: ...
def as_path(value: AnyPath | None) -> Path | None:
    """Return a path on this machine.

    Raises
    ------
    ArgumentError
        The value is an address in an object store.
    """
    parsed = as_place(value)
    if parsed is None or isinstance(parsed, Path):
        return parsed
    raise ArgumentError(f"{value} is an address; this must be a path on this machine")


def as_ids(value: AnyIds | None) -> Ids | None:
    """Return a set of image ids, or None for all ids.

    Parameters
    ----------
    value : str, iterable of str, or Ids, optional
        Ids and ranges such as ``0-49999,60000``, ``test``, or several such texts.

    Raises
    ------
    ArgumentError
        A part of the text is not an id.

    >>> list(as_ids(["7", "portrait"]))
    ['00007', 'portrait']
    """
    if value is None or isinstance(value, Ids):
        return value
    texts = [value] if isinstance(value, str) else list(value)
    return merge_ids([parse_ids_or_test(text, where="ids") for text in texts])


def masks_by_id(masks: Masks) -> dict[str, np.ndarray]:
    """Return masks by image id, as plain arrays; masks without ids are numbered from 00000.

    Raises
    ------
    ArgumentError
        A mask is not (H, W), such as the rows of a single mask.
    """
    if not isinstance(masks, Mapping):
        masks = {f"{number:05d}": mask for number, mask in enumerate(masks)}
    by_id = {image_id: plain_array(mask) for image_id, mask in masks.items()}
    for image_id, mask in by_id.items():
        if mask.ndim != 2:
            raise ArgumentError(
                f"the mask of {image_id} has shape {mask.shape}; give a list of masks, or masks by "
                "image id, each (H, W)"
            )
    return by_id


def refuse_for_masks(options: Mapping[str, object]) -> None:
    """Refuse options that only apply to folders, where masks in memory were given.

    Raises
    ------
    ArgumentError
        An option is not None.
    """
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ArgumentError(f"{', '.join(given)}: only for folders, not for masks in memory")
