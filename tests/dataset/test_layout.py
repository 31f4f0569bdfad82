import pytest

from ffhq_wrinkle.dataset import layout
from ffhq_wrinkle.dataset.ids import (
    parse_ids,
)
from ffhq_wrinkle.dataset.layout import (
    ImageFile,
    find_images,
    find_other_files,
    image_folder,
    released_path,
    require_distinct_ids,
    select_images,
)
from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.images import opening


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_results_have_the_paths_of_the_released_data_set():
    assert released_path("00000", ".png") == "00000/00000.png"
    assert released_path("49999", ".npy") == "49000/49999.npy"
    assert released_path("0000102", ".png") == "0000102.png"
    assert ImageFile("00001", "00001.jpg").mirrored(".png") == "00000/00001.png"
    assert ImageFile("portrait", "portrait.jpg").mirrored(".png") == "portrait.png"
    assert ImageFile("100000", "100000/100000.png").mirrored(".png") == "100000/100000.png"


def test_images_are_found_flat_and_in_shards_in_order_of_id(tmp_path):
    touch(tmp_path, "b.JPG", "21000/21035.png", "00000/00002.webp", "a.tiff")
    touch(tmp_path, ".hidden.png", "notes.txt", "thumbnails/c.png", "00000/.x.png", "png", "x.pngx")
    assert [file.path for file in find_images(tmp_path).values()] == [
        "00000/00002.webp",
        "21000/21035.png",
        "a.tiff",
        "b.JPG",
    ]


def test_images_in_unreadable_formats_are_listed_so_that_they_are_reported_as_failures(tmp_path):
    touch(tmp_path, "a.heic", "b.gif")
    assert list(find_images(tmp_path)) == ["a", "b"]


def test_files_named_after_images_in_formats_that_are_not_listed_are_found(tmp_path):
    touch(tmp_path, "00001.nrrd", "00000/00002.nii.gz", "3", "4_mask.psd", "a.b.json", "a.b-2.xcf")
    touch(tmp_path, "00005.png", "00006.heic", "00007x.nrrd", ".00008.json", "notes.txt")
    ids = {"00001", "00002", "3", "4", "a", "a.b", "00005", "00006", "00007", "00008"}
    assert find_other_files(tmp_path, ids) == {
        "00001": "00001.nrrd",
        "00002": "00000/00002.nii.gz",
        "3": "3",
        "4": "4_mask.psd",
        "a.b": "a.b-2.xcf",  # the first by name
    }


def test_all_files_of_one_id_are_listed_at_once(tmp_path):
    touch(tmp_path, "00001.png", "00000/00001.jpg", "a.bmp", "b.tif", "b.jpg", "b.webp", "c.png")
    pairs = "00000/00001.jpg and 00001.png; b.jpg and b.tif and b.webp"
    with pytest.raises(ArgumentError, match=f"the same id; keep only one of each: {pairs}$"):
        find_images(tmp_path)


def test_a_file_that_is_not_read_gives_way_to_one_that_is(tmp_path):
    touch(tmp_path, "a.jpg", "a.CR2", "b.nef", "b.JPG", "c.dng", "d.cr2", "d.dng")
    images = find_images(tmp_path)
    assert {file.path for file in images.values()} == {"a.jpg", "b.JPG", "c.dng", "d.cr2"}


def test_heic_beside_jpeg_is_a_twin_only_if_it_can_be_read(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "a.HEIC", "b.heic")
    with pytest.raises(ArgumentError, match=r"the same id; .*: a\.HEIC and a\.jpg$"):
        find_images(tmp_path)
    without = opening.IMAGE_SUFFIXES - {".heic", ".heif", ".hif"}
    monkeypatch.setattr(layout, "readable_suffixes", lambda: without)
    assert {file.path for file in find_images(tmp_path).values()} == {"a.jpg", "b.heic"}


def test_a_folder_without_images_is_an_error(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(ArgumentError, match="has no images"):
        find_images(tmp_path)


def test_the_images_of_a_data_set_are_found_from_its_root(tmp_path):
    assert image_folder(tmp_path) == tmp_path
    (tmp_path / "images1024x1024").mkdir()
    assert image_folder(tmp_path) == tmp_path / "images1024x1024"


def test_selection_keeps_order_and_names_missing_ids(tmp_path):
    touch(tmp_path, *(f"{number:05d}.png" for number in (1, 2, 5, 9)))
    in_folder = find_images(tmp_path)
    images, missing = select_images(in_folder, parse_ids("2-6,9"))
    assert [image.image_id for image in images] == ["00002", "00005", "00009"]
    assert missing == ["00003", "00004", "00006"]
    images, missing = select_images(in_folder, parse_ids("2-6,9"), limit=2)
    assert [image.image_id for image in images] == ["00002", "00005"]
    assert missing == ["00003", "00004"]
    assert [image.image_id for image in select_images(in_folder, None, limit=1)[0]] == ["00001"]
    touch(tmp_path, "0000012.png", "7.png")
    images, missing = select_images(find_images(tmp_path), parse_ids("7,12,5"))
    assert [image.path for image in images] == ["0000012.png", "00005.png", "7.png"]
    assert missing == []
    with pytest.raises(ArgumentError, match="none of the 10 requested ids"):
        select_images(in_folder, parse_ids("100-109"))


def test_an_id_that_stands_for_two_images_is_refused(tmp_path):
    touch(tmp_path, "7.png", "007.png", "00008.png", "8.png")
    in_folder = find_images(tmp_path)
    with pytest.raises(ArgumentError, match=r"the id 00007 stands for the images 007 and 7; renam"):
        select_images(in_folder, parse_ids("6-8"))
    images, _ = select_images(in_folder, parse_ids("8"))
    assert [image.path for image in images] == ["00008.png"]  # whose name is the id
    with pytest.raises(
        ArgumentError, match=r"x: the images 00008 and 8 have the same number 00008"
    ):
        require_distinct_ids(["00001", "00008", "8"], where="x")
    require_distinct_ids(["00001", "portrait", "0000001"], where="x")


def test_further_suffixes_are_listed_on_request(tmp_path):
    touch(tmp_path, "00000/00007.npy", "b.PNG", "c.txt")
    assert list(find_images(tmp_path, also={".npy"})) == ["00007", "b"]
    (tmp_path / "00000" / "00007.npy").unlink()
    with pytest.raises(ArgumentError, match=r"has no predictions \(avif, bmp, .*npy"):
        find_images(tmp_path / "00000", noun="predictions", also={".npy"})


def test_images_in_other_subfolders_have_their_path_as_id(tmp_path):
    touch(tmp_path, "subject 01/visit 1.2.jpg", "subject02/visit1.JPG", "subject02/a/b/c.png")
    touch(tmp_path, "3/00007.png", "12345/notes.txt", "12345/x/y.png", "notes.txt")
    assert {image_id: file.path for image_id, file in find_images(tmp_path).items()} == {
        "12345/x/y": "12345/x/y.png",
        "3/00007": "3/00007.png",
        "subject 01/visit 1.2": "subject 01/visit 1.2.jpg",
        "subject02/a/b/c": "subject02/a/b/c.png",
        "subject02/visit1": "subject02/visit1.JPG",
    }
    assert find_images(tmp_path)["3/00007"].mirrored(".npy") == "3/00007.npy"


def test_hidden_folders_thumbnails_and_results_are_not_searched(tmp_path):
    touch(tmp_path, "a/1.png", "a/.thumbs/1.png", ".cache/1.png", "a/@eaDir/1.png", "a/.2.png")
    touch(tmp_path, "weak/a/1.png", "weak/build.json", "pred/masks/1.png", "pred/predict.json")
    touch(tmp_path, "report/disputed/01_1.png", "report/.agreement.json.lock")
    assert list(find_images(tmp_path)) == ["a/1"]


@pytest.mark.parametrize(
    "names",
    [
        ["manual_wrinkle_masks/1.png"],
        ["images/1.png", "masks/1.png"],
        ["masks/1.png", "overlays/1.jpg", "predict.json"],
    ],
)
def test_the_folders_of_a_data_set_or_of_predictions_are_not_those_of_photographs(tmp_path, names):
    touch(tmp_path, *names)
    with pytest.raises(ArgumentError, match="has no images"):
        find_images(tmp_path)


def test_links_to_folders_elsewhere_are_followed_and_cycles_are_not(tmp_path):
    inside, outside = tmp_path / "photos", tmp_path / "elsewhere"
    touch(inside, "a/1.png")
    touch(outside, "2.png", "deep/3.png")
    (inside / "b").symlink_to(outside)
    (inside / "again").symlink_to(inside / "a")
    (inside / "up").symlink_to(tmp_path)
    (inside / "a" / "self").symlink_to(inside)
    (outside / "deep" / "loop").symlink_to(outside)
    (outside / "other").symlink_to(tmp_path / "third")
    touch(tmp_path / "third", "4.png")
    (tmp_path / "third" / "back").symlink_to(outside)
    (inside / "broken").symlink_to(tmp_path / "nowhere")
    assert list(find_images(inside)) == ["a/1", "b/2", "b/deep/3", "b/other/4"]


def test_files_named_after_images_in_subfolders_are_found(tmp_path):
    touch(tmp_path, "a/1.nrrd", "a/2.png", "b/1.png", "b/1_mask.psd", "1.nrrd")
    assert find_other_files(tmp_path, {"a/1", "a/2", "b/1"}) == {
        "a/1": "a/1.nrrd",
        "b/1": "b/1_mask.psd",
    }


def test_an_id_with_its_shard_is_the_id(tmp_path):
    touch(tmp_path, "00000/00007.png", "00000/00008.png")
    images, missing = select_images(find_images(tmp_path), parse_ids("00000/00007,00000/00009"))
    assert ([image.image_id for image in images], missing) == (["00007"], ["00009"])
