import os

import numpy as np
import pytest

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.human_labels.annotators import (
    AnnotationSettings,
    find_annotations,
    parse_annotators,
)
from tests.helpers.faces import mask

DRAWN = mask("#.")


def annotators(folders):
    return parse_annotators([str(folder) for folder in folders])


def found(folders, *, ids=None, limit=None, **settings):
    chosen = parse_ids(ids) if ids else None
    return find_annotations(
        annotators(folders), AnnotationSettings(**settings), ids=chosen, limit=limit
    )


def ids_of(images):
    return [image.file.image_id for image in images]


def test_a_name_is_the_folder_s_or_given(annotate, monkeypatch):
    first, second = annotate({"anna": {"a": DRAWN}, "ben": {"a": DRAWN}})
    names = [one.name for one in parse_annotators([f"{first}/", f"B={second}"])]
    assert names == ["anna", "B"]
    monkeypatch.chdir(first)
    assert [one.name for one in parse_annotators([".", "../ben"])] == ["anna", "ben"]


def test_a_folder_may_have_an_equals_sign(annotate):
    folders = annotate({"round=1": {"a": DRAWN}, "b": {"a": DRAWN}})
    assert [one.name for one in annotators(folders)] == ["round=1", "b"]


@pytest.mark.parametrize("count", [1, 21])
def test_two_to_twenty_annotators_are_accepted(annotate, count):
    folders = annotate({f"a{number}": {"a": DRAWN} for number in range(count)})
    with pytest.raises(ArgumentError, match=f"{count} annotator.* given; name 2 to 20"):
        annotators(folders)


def test_twenty_annotators_are_matched(annotate):
    folders = annotate({f"a{number}": {"a": DRAWN} for number in range(20)})
    assert len(found(folders).images[0].masks) == 20


def test_a_missing_folder_is_named(annotate):
    (folder,) = annotate({"a": {"a": DRAWN}})
    with pytest.raises(ArgumentError, match=r"there is no folder .*nowhere"):
        parse_annotators([str(folder), f"B={folder}/nowhere"])


def test_two_of_one_name_are_refused(annotate):
    folders = [*annotate({"a": {"a": DRAWN}}, "r1"), *annotate({"a": {"a": DRAWN}}, "r2")]
    with pytest.raises(ArgumentError, match="both called a; write NAME=FOLDER"):
        annotators(folders)


def test_one_folder_given_twice_is_refused_under_any_name(annotate, tmp_path):
    (folder,) = annotate({"a": {"a": DRAWN}})
    (tmp_path / "link").symlink_to(folder)
    for twin in (f"B={folder}", str(tmp_path / "link"), f"C={folder}/../a"):
        with pytest.raises(ArgumentError, match="are the same folder"):
            parse_annotators([str(folder), twin])


def test_the_same_files_by_links_are_refused(annotate, tmp_path):
    first, second = annotate({"a": {"x": DRAWN, "y": DRAWN}, "b": {}})
    for path in first.iterdir():
        os.link(path, second / path.name)
    with pytest.raises(ArgumentError, match=r"a and b are the same files, such as .*x\.png"):
        found([first, second])


def test_links_that_lead_nowhere_are_left_to_the_reader(annotate):
    first, second = annotate({"a": {}, "b": {"x": DRAWN}})
    (first / "x.png").symlink_to("nowhere.png")
    assert ids_of(found([first, second]).images) == ["x"]


def test_equal_files_are_not_the_same_files(annotate):
    folders = annotate({"a": {"x": DRAWN}, "b": {"x": DRAWN}})
    assert ids_of(found(folders).images) == ["x"]


def test_images_are_matched_by_id_in_any_layout_and_format(annotate):
    first, second = annotate({"a": {"00007": DRAWN, "21035": DRAWN}, "b": {}})
    from PIL import Image

    for image_id in ("00007", "21035"):
        shard = second / f"{int(image_id) // 1000 * 1000:05d}"
        shard.mkdir()
        Image.fromarray(DRAWN * np.uint8(255)).save(shard / f"{image_id}.tif")
    images = found([first, second]).images
    assert ids_of(images) == ["00007", "21035"]
    assert images[1].masks == (first / "21035.png", second / "21000" / "21035.tif")


def test_missing_images_are_listed_with_the_annotators_who_lack_them(annotate):
    folders = annotate(
        {"a": {"x": DRAWN, "y": DRAWN}, "b": {"x": DRAWN}, "c": {"x": DRAWN, "z": DRAWN}}
    )
    with pytest.raises(ArgumentError, match=r"2 of 3 images .*: y \(b, c\), z \(a, b\)\. "):
        found(folders)


def test_missing_images_can_be_skipped_or_counted_as_empty(annotate):
    folders = annotate({"a": {"x": DRAWN, "y": DRAWN}, "b": {"x": DRAWN}})
    skipping = found(folders, missing="skip")
    assert (ids_of(skipping.images), skipping.skipped) == (["x"], ["y"])
    filling = found(folders, missing="empty")
    assert (ids_of(filling.images), filling.skipped) == (["x", "y"], [])
    assert filling.images[1].masks == (folders[0] / "y.png", None)


@pytest.mark.parametrize(
    "name",
    [
        "y.nrrd",
        "y.nii.gz",
        "y.psd",
        "y.json",
        "y.npy",
        "y.xcf",
        "y.svg",
        "y",
        "y.mask.mha",
        "y_1.nii",
    ],
)
def test_a_mask_in_a_format_that_is_not_read_does_not_count_as_not_drawn(annotate, name):
    folders = annotate({"a": {"x": DRAWN, "y": DRAWN}, "b": {"x": DRAWN}, "c": {"x": DRAWN}})
    (folders[1] / name).write_bytes(b"drawn")
    with pytest.raises(ArgumentError, match=rf"y \(b: {name} cannot be read\)\. .* convert"):
        found(folders, missing="empty")
    with pytest.raises(ArgumentError, match=rf"y \(b: {name} cannot be read, c\)\. "):
        found(folders)
    assert found(folders, missing="skip").skipped == ["y"]


def test_files_beside_a_mask_and_files_of_other_images_change_nothing(annotate):
    folders = annotate({"a": {"x": DRAWN, "y": DRAWN}, "b": {"x": DRAWN}})
    for name in ("x.json", "x.nrrd", "yes.nrrd", "notes.txt", ".y.nrrd"):
        (folders[1] / name).write_bytes(b"something")
    assert found(folders, missing="empty").images[1].masks == (folders[0] / "y.png", None)


def test_a_long_list_of_missing_images_is_shortened_and_counted(annotate):
    drawn = {f"{number:05d}": DRAWN for number in range(50)}
    folders = annotate({"a": drawn, "b": {"00049": DRAWN}})
    with pytest.raises(ArgumentError, match=r"49 of 50 images .* 00019 \(b\), \.\.\.\. "):
        found(folders)


def test_an_error_on_missing_common_ids_gives_examples(annotate):
    folders = annotate({"a": {"x": DRAWN}, "b": {"y": DRAWN}})
    for missing in ("error", "skip", "empty"):
        with pytest.raises(ArgumentError, match=r"no image id is common .*: a has x, b has y"):
            found(folders, missing=missing)


def test_a_folder_without_masks_is_named(annotate):
    folders = annotate({"a": {"x": DRAWN}, "b": {}})
    with pytest.raises(ArgumentError, match="b has no images"):
        found(folders)


def test_ids_select_images_and_unknown_ids_are_returned(annotate):
    drawn = {f"{number:05d}": DRAWN for number in range(5)}
    folders = annotate({"a": drawn, "b": drawn})
    chosen = found(folders, ids="1-2,9")
    assert (ids_of(chosen.images), chosen.missing) == (["00001", "00002"], ["00009"])
    assert ids_of(found(folders, limit=2).images) == ["00000", "00001"]


def test_images_that_are_skipped_do_not_count_for_the_limit(annotate):
    drawn = {f"{number:05d}": DRAWN for number in range(5)}
    folders = annotate({"a": drawn, "b": {f"{number:05d}": DRAWN for number in range(2, 5)}})
    chosen = found(folders, missing="skip", limit=2)
    assert (ids_of(chosen.images), chosen.skipped) == (["00002", "00003"], ["00000", "00001"])


@pytest.mark.parametrize("name", ["a & b", "a &", "& a", "&"])
def test_a_name_that_could_be_part_of_a_pair_s_is_refused(annotate, name):
    folders = annotate({name: {"x": DRAWN}, "c": {"x": DRAWN}})
    with pytest.raises(
        ArgumentError, match=rf"'.*{name}' does not name its annotator; write NAME=FOLDER"
    ):
        annotators(folders)


def test_face_masks_belong_to_every_image(annotate):
    *folders, faces = annotate(
        {"a": {"x": DRAWN, "y": DRAWN}, "b": {"x": DRAWN, "y": DRAWN}, "faces": {"x": DRAWN}}
    )
    for missing in ("error", "empty"):
        with pytest.raises(ArgumentError, match=r"y \(no face mask\)"):
            found(folders, within=faces, missing=missing)
    chosen = found(folders, within=faces, missing="skip")
    assert (ids_of(chosen.images), chosen.skipped) == (["x"], ["y"])
    assert chosen.images[0].region == faces / "x.png"
