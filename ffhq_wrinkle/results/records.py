"""Records: JSON files that describe a run, in the folder that it fills.

A record such as `build.json` is written last and contains the settings that the results were made
with. While work is under way, a hidden counterpart takes its place.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..storage.places import Place, get

WEAK_RECORD = "build.json"
FUSION_RECORD = "fusion.json"
PREDICTION_RECORD = "predict.json"
IMPORT_RECORD = "import.json"
REVIEW_RECORD = "review.json"
UNKNOWN_VERSION = "unknown"


class DamagedRecordError(ValueError):
    """A file has the name of a record, but not the content of one."""


def under_way_name(record: str) -> str:
    """Return the name of a record's counterpart, which exists while work is under way."""
    return f".{record}.under-way"


def parse_record(content: bytes) -> dict[str, Any]:
    """Parse a record.

    Returns
    -------
    dict of str to Any
        The content of the record, with a dict under ``settings``.

    Raises
    ------
    DamagedRecordError
        The content is not JSON, or has no settings.
    """
    try:
        record = json.loads(content)
    except ValueError as error:
        raise DamagedRecordError(str(error)) from error
    if not isinstance(record, dict) or not isinstance(record.get("settings"), dict):
        raise DamagedRecordError("it has no settings")
    return record


def read_settings(folder: Place, record: str) -> dict[str, Any] | None:
    """Read the settings that the results in a folder were made with.

    Parameters
    ----------
    folder : Place
    record : str
        Name of the record.

    Returns
    -------
    dict of str to Any or None
        The settings; None if there is no such record.

    Raises
    ------
    DamagedRecordError
        The file of this name is not a record.
    """
    try:
        settings: dict[str, Any] = parse_record(get(folder / record))["settings"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedRecordError(str(error)) from error
    return settings


def settings_if_readable(folder: Place, record: str) -> Mapping[str, Any]:
    """Read settings as `read_settings` does, or return an empty dict without a readable record."""
    try:
        return read_settings(folder, record) or {}
    except DamagedRecordError:
        return {}


def fusion_method(folder: Place) -> str | None:
    """Return the method by which `fuse-labels` made the masks in a folder, None if not known.

    Its record is in the folder, or in one above it if the masks are in shards or folders of images.
    """
    place = folder.resolve()
    for above in (place, *place.parents):
        settings = settings_if_readable(above, FUSION_RECORD)
        if settings:
            return str(settings.get("method"))
    return None


def versions_of(record: Mapping[str, Any]) -> list[str]:
    """Return the versions of this package that made the results of a record, the earliest first.

    A record of results by one version has ``version``, others have ``versions``, too. The mark of a
    run under way has ``versions``; that of earlier versions has neither.
    """
    versions = record.get("versions") or [record.get("version", UNKNOWN_VERSION)]
    return list(map(str, versions)) if isinstance(versions, list) else [UNKNOWN_VERSION]


def differing_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the differences between two sets of settings, each as text."""
    return [
        f"{key} {then.get(key, 'not set')} there and {now.get(key, 'not set')} now"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]
