"""Photographs: published only if their own licences allow it, and with their authors' names."""

import csv

import pytest

from ffhq_wrinkle.errors import ArgumentError
from tests.helpers.publishing import IDS, odd_data, published, write_attribution

pytest.importorskip("pyarrow")


@pytest.fixture
def data(tmp_path):
    return odd_data(tmp_path / "data")


def with_licences(data, **changed):
    licences = dict.fromkeys(IDS, "cc-by") | {
        name.replace("_", "-"): value for name, value in changed.items()
    }
    write_attribution(data.parent, licences)
    return data


def test_photographs_of_known_licences_are_published_with_their_attribution(tmp_path, data, caplog):
    out = published(with_licences(data), tmp_path / "out", "huggingface", with_images=True)
    rows = list(csv.DictReader((out / "attribution.csv").read_text().splitlines()))
    assert {row["image_id"] for row in rows} == set(IDS)
    assert rows[0]["author"] == "Somebody"
    assert f"{out} contains 5 photographs of people who were not asked" in caplog.text


def test_photographs_of_unknown_licence_need_a_word(tmp_path, data):
    with pytest.raises(ArgumentError, match=r"which licence 5 photographs may.*--any-licence"):
        published(data, tmp_path / "out", "huggingface", with_images=True)
    assert not (tmp_path / "out").exists()
    published(data, tmp_path / "out", "huggingface", with_images=True, any_licence=True)


def test_a_crop_of_a_photograph_that_allows_none_is_refused(tmp_path, data):
    data = with_licences(data, eval_1="cc-by-nd")
    with pytest.raises(ArgumentError, match=r"1 photograph forbids .*eval-1 \(CC BY-ND, which"):
        published(data, tmp_path / "out", "huggingface", with_images=True)


@pytest.mark.parametrize(("licence", "refused"), [("cc-by-4.0", True), ("cc-by-nc-4.0", False)])
def test_photographs_for_non_commercial_use_need_such_a_licence(tmp_path, data, licence, refused):
    data = with_licences(data, eval_1="cc-by-nc")
    options = {"with_images": True, "licence": licence}
    if refused:
        with pytest.raises(ArgumentError, match="allows no commercial use"):
            published(data, tmp_path / "out", "huggingface", **options)
    else:
        published(data, tmp_path / "out", "huggingface", **options)


def test_without_photographs_nothing_is_asked(tmp_path, data):
    out = published(data, tmp_path / "out", "huggingface")
    assert not (out / "attribution.csv").exists()
