"""Weak settings: how the weak masks of a data set were made, as far as that can be known.

It is recorded by `build-weak`, or known of the published masks, or recognised by the pixels. What
is not known stays unknown.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from ...dataset.ids import is_shard
from ...downloads.archive_places import ArchiveKind
from ...downloads.ledger import Ledger
from ...errors import ArgumentError, OutputError
from ...results.records import WEAK_RECORD, DamagedRecordError, read_settings, under_way_name
from ...weak_labels.recognition import recognised_files
from ...weak_labels.texture import RELEASED, TextureSettings

log = logging.getLogger(__name__)

_PUBLISHED: ArchiveKind = "weak-masks"


class WeakSettings(NamedTuple):
    """The settings of weak masks; None if there are none, or they are not known.

    Attributes
    ----------
    texture : TextureSettings or None
        The settings.
    recorded : TextureSettings or None
        Those that `build-weak` recorded for masks in at least one of the folders.
    """

    texture: TextureSettings | None = None
    recorded: TextureSettings | None = None


def find_weak_settings(
    weak: Mapping[str, Path], images: Mapping[str, Path], *, root: Path
) -> WeakSettings:
    """Find out how weak masks were made.

    Parameters
    ----------
    weak, images : mapping of str to Path
        Weak masks and photographs by image id.
    root : Path
        Folder of the data set, which may have a table of downloads.

    Raises
    ------
    ArgumentError
        A record is damaged, or the masks were made with different settings.
    """
    folders: dict[Path, list[str]] = {}
    for image_id, path in sorted(weak.items()):
        folders.setdefault(_folder_of(image_id, path), []).append(image_id)
    recorded: dict[TextureSettings, Path] = {}
    known: dict[TextureSettings | None, Path] = {}
    for folder, image_ids in sorted(folders.items()):
        texture = _read_texture(folder)
        if texture:
            recorded.setdefault(texture, folder)
        elif _are_published([weak[image_id] for image_id in image_ids], root):
            texture = RELEASED
        else:
            pairs = [(weak[name], images[name]) for name in image_ids if name in images]
            texture = recognised_files(pairs)
            if texture:
                log.info(
                    "%s has no %s; by their pixels its weak masks were made with %s",
                    *(folder, WEAK_RECORD, texture),
                )
        known.setdefault(texture, folder)
    settings = {texture: folder for texture, folder in known.items() if texture}
    if len(settings) > 1:
        named = "; ".join(f"{folder}: {texture}" for texture, folder in settings.items())
        raise ArgumentError(
            f"weak masks were made with different settings: {named}; use those of one folder"
        )
    texture = None if None in known else next(iter(settings), None)
    return WeakSettings(texture, next(iter(recorded), None))


def _folder_of(image_id: str, path: Path) -> Path:
    """Return the folder of weak masks that a mask lies in, directly, in a shard or by its id."""
    if is_shard(path.parent.name):
        return path.parent.parent
    is_named_by_path = path.as_posix().removesuffix(path.suffix).endswith(f"/{image_id}")
    return path.parents[image_id.count("/")] if is_named_by_path else path.parent


def _read_texture(folder: Path) -> TextureSettings | None:
    """Read the settings that `build-weak` recorded in a folder; None without a record."""
    for name in (WEAK_RECORD, under_way_name(WEAK_RECORD)):
        try:
            settings = read_settings(folder, name)
            if settings is not None:
                names = [field.name for field in fields(TextureSettings)]
                return TextureSettings(**{name: settings[name] for name in names})
        except (DamagedRecordError, KeyError, ArgumentError) as error:
            raise ArgumentError(
                f"{folder / name} is not a record of build-weak: {error}"
            ) from error
    return None


def _are_published(masks: Sequence[Path], root: Path) -> bool:
    """Return whether masks are those that were downloaded and verified as the published ones."""
    with suppress(OutputError, ValueError):  # no table of downloads; masks in another folder
        ledger = Ledger(root)
        for path in masks:
            row = ledger.get(path.relative_to(root).as_posix())
            if row is None or row.source != _PUBLISHED or not ledger.is_current(row.file):
                return False
        return True
    return False
