"""Records: what a run notes of itself in the folder that it fills, as JSON.

A record such as `build.json` is written last and holds the settings that the results were made
with. While work is under way a hidden twin stands in its place.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..storage.places import Place, get

WEAK_RECORD = "build.json"
FUSION_RECORD = "fusion.json"
PREDICTION_RECORD = "predict.json"


class DamagedRecordError(ValueError):
    """A file has the name of a record but not its content."""


def under_way_name(record: str) -> str:
    """Return the name of a record's twin, which exists while work is under way."""
    return f".{record}.under-way"


def parse_record(content: bytes) -> dict[str, Any]:
    """Parse a record.

    Returns
    -------
    dict of str to Any
        What it notes; under ``settings`` there is a dict.

    Raises
    ------
    DamagedRecordError
        It is not JSON, or has no settings.
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
        None where there is no such record.

    Raises
    ------
    DamagedRecordError
        There is something else of this name.
    """
    try:
        settings: dict[str, Any] = parse_record(get(folder / record))["settings"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedRecordError(str(error)) from error
    return settings


def settings_if_readable(folder: Place, record: str) -> Mapping[str, Any]:
    """Read settings as `read_settings` does; empty where there is no readable record."""
    try:
        return read_settings(folder, record) or {}
    except DamagedRecordError:
        return {}


def differing_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List what differs between two records of settings, each as text."""
    return [
        f"{key} {then.get(key, 'not set')} there and {now.get(key, 'not set')} now"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key)
    ]
