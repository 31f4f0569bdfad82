import io
import stat
import zipfile
from pathlib import PurePosixPath

import pytest

from ffhq_wrinkle.downloads.archive_places import PLACES
from ffhq_wrinkle.downloads.archives import members, unpack
from ffhq_wrinkle.errors import SourceError, TransferFailure


def archive_of(*entries):
    """A zip archive in memory, opened: of names, or (name, content), or ZipInfo and content."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            archive.writestr(*(entry if isinstance(entry, tuple) else (entry, b"content")))
    return zipfile.ZipFile(content)


def everything(path):
    return path.name


def listed(archive, place=everything, max_bytes=10**6):
    return members(archive, place, max_bytes=max_bytes)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../00001.png", "a/../../00001.png", "..\\00001.png", "C:/00001.png"]
)
def test_an_archive_with_a_path_out_of_the_folder_is_refused(name):
    with pytest.raises(SourceError, match="would leave the folder; nothing was unpacked"):
        listed(archive_of("00001.png", name))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind):
    info = zipfile.ZipInfo("00001.png")
    info.external_attr = (kind | 0o777) << 16
    with pytest.raises(SourceError, match="is a link or a device"):
        listed(archive_of((info, b"/etc/passwd")))


def test_an_archive_that_unpacks_to_too_much_is_refused():
    with pytest.raises(SourceError, match="unpacks to 5000 bytes, more than the limit of 4999"):
        listed(archive_of(("00001.png", bytes(5000))), max_bytes=4999)


def test_two_files_of_one_place_are_refused():
    with pytest.raises(
        SourceError, match=r"a/00001\.png and b/00001\.png have the same place 00001\.png"
    ):
        listed(archive_of("a/00001.png", "b/00001.png"))


def test_folders_and_unknown_files_are_passed_over():
    chosen = listed(
        archive_of("a/", "a/00001.png", "b.txt"), lambda path: path.suffix and path.name
    )
    assert [member.place for member in chosen] == ["00001.png", "b.txt"]
    assert listed(archive_of("a/00001.png"), lambda _: None) == []


def test_a_member_is_unpacked_whole_under_any_name(tmp_path):
    archive = archive_of(("00001.png", b"content" * 1000))
    unpack(archive, listed(archive)[0], tmp_path / "deep" / "a.png")
    assert (tmp_path / "deep" / "a.png").read_bytes() == b"content" * 1000
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.png"]


def test_a_damaged_member_leaves_nothing(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # stored, so that bytes can be found
        archive.writestr("00001.png", b"content" * 100)
    damaged = content.getvalue().replace(b"contentcontent", b"contentCONTENT", 1)
    opened = zipfile.ZipFile(io.BytesIO(damaged))
    with pytest.raises(TransferFailure, match="Bad CRC"):
        unpack(opened, listed(opened)[0], tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_member_larger_than_its_header_states_is_stopped(tmp_path):
    archive = archive_of(("00001.png", bytes(100_000)))
    member = listed(archive)[0]
    member.info.file_size = 10
    with pytest.raises(TransferFailure):
        unpack(archive, member, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "path", "place"),
    [
        ("weak-masks", "weak_wrinkle_masks/02000/02001.png", "weak_wrinkle_masks/02000/02001.png"),
        ("weak-masks", "02001.PNG", "weak_wrinkle_masks/02000/02001.png"),
        ("manual-masks", "x/y/02001.png", "manual_wrinkle_masks/02001.png"),
        ("face-parsed-labels", "etcs/face_parsed_labels/02001.npy", "face_parsed_labels/02001.npy"),
        ("checkpoints", "ckpt/stage2_unet/a.pth", "checkpoints/stage2_unet/a.pth"),
        ("weak-masks", "__MACOSX/._02001.png", None),
        ("weak-masks", "2001.png", None),
        ("weak-masks", "02001.npy", None),
        ("checkpoints", "ckpt/readme.md", None),
    ],
)
def test_files_of_published_archives_have_their_places(kind, path, place):
    assert PLACES[kind](PurePosixPath(path)) == place
