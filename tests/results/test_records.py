"""Records of runs, read back."""

import json

import pytest

from ffhq_wrinkle.results.records import (
    DamagedRecordError,
    differing_settings,
    read_settings,
    settings_if_readable,
)


def test_settings_are_read_back(tmp_path):
    (tmp_path / "build.json").write_text(json.dumps({"settings": {"sigma": 5}, "version": "1"}))
    assert read_settings(tmp_path, "build.json") == {"sigma": 5}
    assert settings_if_readable(tmp_path, "build.json") == {"sigma": 5}


def test_a_missing_record_means_no_settings(tmp_path):
    assert read_settings(tmp_path, "build.json") is None
    assert settings_if_readable(tmp_path, "build.json") == {}


@pytest.mark.parametrize("content", ["", "nonsense", "[]", "{}", '{"settings": 5}'])
def test_a_damaged_record_is_an_error_or_ignored(tmp_path, content):
    (tmp_path / "build.json").write_text(content)
    with pytest.raises(DamagedRecordError):
        read_settings(tmp_path, "build.json")
    assert settings_if_readable(tmp_path, "build.json") == {}


def test_differing_settings_are_named_with_both_values():
    assert differing_settings({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == [
        "b 2 there and 3 now",
        "c not set there and 4 now",
    ]
