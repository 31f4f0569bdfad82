"""Image names: what tools add to the names of pictures, and when it is undone."""

import pytest

from ffhq_wrinkle.annotation_tools.image_names import NamedImage, image_ids
from ffhq_wrinkle.errors import ArgumentError

PREFIX = "/data/upload/3/1a2b3c4d-"


def ids(*names, **options):
    images = [NamedImage(0, name) for name in names]
    found = image_ids(images, **options)
    return [found[image] for image in images]


@pytest.mark.parametrize(
    ("name", "image_id"),
    [
        ("00000/00007.png", "00007"),
        (r"C:\faces\00007.JPG", "00007"),
        ("portrait.v2.png", "portrait.v2"),
        ("00007", "00007"),
        (f"{PREFIX}00007.png", "00007"),
        ("1a2b3c4d-00007.png", "1a2b3c4d-00007"),  # no upload: a name of its own
        ("../ls/data/media/upload/3/e2b1f9a7-face.png", "face"),
        ("s3://bucket/faces/00007.png", "00007"),
        ("https://example.org/faces/00007.png?X-Signature=a/b", "00007"),
        ("/data/local-files/?d=faces/00007.png", "00007"),
        ("00007_png.rf.0123456789abcdef0123456789abcdef.jpg", "00007"),
        ("00007_1.png", "00007_1"),
    ],
)
def test_what_tools_add_is_undone(name, image_id):
    assert ids(name) == [image_id]


def test_names_may_be_taken_as_they_are():
    assert ids(f"{PREFIX}00007.png", keep_names=True) == ["1a2b3c4d-00007"]


def test_names_of_photographs_are_kept():
    assert ids(f"{PREFIX}7.png", photographs={"1a2b3c4d-7"}) == ["1a2b3c4d-7"]
    assert ids(f"{PREFIX}7.png", photographs={"7"}) == ["7"]


def test_two_uploads_of_one_name_are_doubtful():
    other = PREFIX.replace("1a", "2b")
    with pytest.raises(ArgumentError, match=r"1 image ids .*00007: /data/upload/3/1a2b3c4d-00007"):
        ids(f"{PREFIX}00007.png", f"{other}00007.png")


def test_uploads_of_different_exports_are_one_picture():
    images = [
        NamedImage(0, f"{PREFIX}00007.png"),
        NamedImage(1, PREFIX.upper().lower() + "00007.png"),
    ]
    assert set(image_ids(images).values()) == {"00007"}


def cvat(*tasks):
    images = [NamedImage(0, name, task, person) for name, task, person in tasks]
    found = image_ids(images)
    return [found[image] for image in images]


def test_pictures_that_two_tasks_of_a_project_share_are_one():
    assert cvat(("7.png", "task 5", 0), ("7_1.png", "task 6", 1)) == ["7", "7"]


def test_numbered_names_without_a_twin_in_another_task_are_kept():
    assert cvat(("8.png", "task 5", 0), ("7_1.png", "task 6", 1)) == ["8", "7_1"]
    assert cvat(("7.png", "task 5", 0), ("7_1.png", "task 5", 0)) == ["7", "7_1"]


def test_pictures_that_two_tasks_of_one_person_share_are_doubtful():
    with pytest.raises(ArgumentError, match=r"7: 7\.png, 7_1\.png"):
        cvat(("7.png", "task 5", 0), ("7_1.png", "task 6", 0))


@pytest.mark.parametrize("name", ["", ".png", "faces/", ".hidden.png", "a\0b.png"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(ArgumentError, match="is not the name of an image"):
        ids(name)
