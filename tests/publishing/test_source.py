"""Source: which images of a data set are published, in which part and under which names."""

import shutil

import numpy as np
import pytest

from ffhq_wrinkle.dataset.ids import Ids, official_test_ids
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.human_labels.annotators import parse_annotators
from ffhq_wrinkle.publishing.source import list_source, published_names
from tests.helpers.publishing import drawn, odd_data, photograph, write_png


def folder_data(root, *, images=(), masks=(), weak=()):
    for number, image_id in enumerate(images):
        write_png(root / f"images/{image_id}.png", photograph(number))
    for number, image_id in enumerate(masks):
        write_png(root / f"masks/{image_id}.png", drawn(number) * np.uint8(255))
    for number, image_id in enumerate(weak):
        write_png(root / f"weak/{image_id}.png", photograph(number)[:, :, 0])
    return root


def parts_of(source):
    return {item.image_id: item.part for item in source.items}


def test_official_test_ids_are_the_test_part_without_a_split(tmp_path):
    official = next(iter(official_test_ids()))
    data = folder_data(tmp_path, images=[official, "00007"], masks=[official, "00007"])
    assert parts_of(list_source(data)) == {official: "test", "00007": "train"}


def test_images_without_any_mask_are_left_out(tmp_path):
    data = folder_data(tmp_path, images=["a", "b", "c"], masks=["a"], weak=["b"])
    assert list(parts_of(list_source(data))) == ["a", "b"]
    assert list(parts_of(list_source(data, needs_mask=True))) == ["a"]
    assert list(parts_of(list_source(data, with_weak=False))) == ["a"]


def test_files_of_shards_have_five_digits_and_7_is_00007(tmp_path):
    data = folder_data(
        tmp_path, images=["00000/00008", "00000/00009"], masks=["00000/00008", "00000/9"]
    )
    assert list(parts_of(list_source(data))) == ["00008", "00009"]


def test_splits_of_two_runs_are_joined(tmp_path):
    data = folder_data(tmp_path, images=["a", "b"], masks=["a"], weak=["a", "b"])
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("image_id,part,used\na,val,yes\n")
    second.write_text("image_id,part,used\na,val,yes\nb,train,no\n")
    assert parts_of(list_source(data, splits=[first, second])) == {"b": "train", "a": "val"}
    with pytest.raises(ArgumentError, match="1 image has no part, such as b"):
        list_source(data, splits=[first])
    second.write_text("image_id,part,used\na,train,yes\nb,train,no\n")
    with pytest.raises(ArgumentError, match="a is in train, but in val by another split"):
        list_source(data, splits=[first, second])


def test_ids_without_a_mask_are_refused(tmp_path):
    data = folder_data(tmp_path, images=["a", "b"], masks=["a"])
    with pytest.raises(ArgumentError, match=r"1 id has no mask in .*, such as b"):
        list_source(data, ids=Ids(names=frozenset({"a", "b"})))


def test_a_data_set_without_masks_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="has no masks to publish"):
        list_source(folder_data(tmp_path, images=["a"]))


def test_the_fingerprint_changes_with_a_file_and_not_with_its_place(tmp_path):
    data = odd_data(tmp_path / "data").parent
    before = list_source(data / "data.csv").fingerprint()
    shutil.copytree(data, tmp_path / "copy")  # with the files' times
    assert list_source(tmp_path / "copy/data.csv").fingerprint() == before
    write_png(data / "masks/0.png", drawn(5) * np.uint8(255))
    assert list_source(data / "data.csv").fingerprint() != before


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["A", "B", "annotator_3"], ["A", "B", "annotator_3"]),
        (["anna", "ben"], ["annotator_1", "annotator_2"]),
        (["anna", "first=ben"], ["annotator_1", "first"]),
        (["anna@example.org", "b"], ["annotator_1", "b"]),
    ],
)
def test_names_of_folders_are_published_only_if_they_tell_nobody(tmp_path, texts, names):
    given = []
    for text in texts:
        name, equals, folder = text.rpartition("=")
        (tmp_path / folder).mkdir()
        given.append(f"{name}{equals}{tmp_path / folder}")
    annotators = published_names(parse_annotators(given), given)
    assert [annotator.name for annotator in annotators] == names


def test_a_name_that_cannot_be_that_of_a_column_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    given = [f"Dr. Anna={tmp_path / 'a'}"]
    with pytest.raises(ArgumentError, match="cannot be the name of a column"):
        published_names(parse_annotators(given, least=1), given)


def test_two_annotators_of_one_name_are_refused(tmp_path):
    for name in ("anna", "annotator_1"):
        (tmp_path / name).mkdir()
    given = [str(tmp_path / "anna"), str(tmp_path / "annotator_1")]
    with pytest.raises(ArgumentError, match="would be published as annotator_1"):
        published_names(parse_annotators(given), given)
