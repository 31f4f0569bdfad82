import hashlib
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ffhq_wrinkle.dataset.sources import source
from ffhq_wrinkle.errors import AlignmentError, ArgumentError, SourceError
from ffhq_wrinkle.faces.landmarks import (
    COLUMNS,
    Box,
    FaceFinder,
    Landmarks,
    choose_faces,
    read_landmarks,
)
from tests.helpers.odd_names import NOT_TEXT
from tests.helpers.yunet_stand_in import marker_network

RED, GREEN = (255, 0, 0), (0, 255, 0)
FACE = Landmarks((40, 50), (60, 50), (43, 70), (57, 70))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """The stand-in's file, in a folder whose name OpenCV's own reader cannot always handle."""
    path = tmp_path_factory.mktemp("Gewichte für Gesichter 顔") / "yunet.onnx"
    path.write_bytes(marker_network())
    return path


@pytest.fixture(scope="module")
def finder(weights):
    return FaceFinder(weights)


def photo(rows, columns, *dots):
    """Black, with squares of a colour: (x, y, side, colour)."""
    image = np.zeros((rows, columns, 3), np.uint8)
    for x, y, side, colour in dots:
        image[y : y + side, x : x + side] = colour
    return image


# By hand: the dot is cell (8, 4) of 8 pixels, the eyes a cell above it and a cell to the left and
# two to the right, the mouth two cells below, half a cell to the left and one and a half right.
# The box is 32 wide around half a cell from the dot.
DOT = (64, 32, 8, RED)
FOUND = Landmarks((56, 24), (80, 24), (60, 48), (76, 48), 1.0, Box(52, 20, 32, 32))


def test_the_viewers_left_is_the_persons_right(finder):
    assert finder.find(photo(100, 150, DOT)) == [FOUND]


def test_faces_come_largest_first(finder):
    small, large = finder.find(photo(200, 300, DOT, (160, 80, 16, GREEN)))[::-1]
    assert small == FOUND
    assert large.box == Box(136, 56, 64, 64)
    assert large.left_eye == (144, 64)  # cells of 16: dot (10, 5), eye (9, 4)


def test_a_face_in_a_large_photo_is_where_its_pixels_are(finder):
    # Looked at in half the size, where pixel 56's centre is between those of 112 and 113 here.
    (face,) = finder.find(photo(960, 1280, (128, 64, 16, RED)))
    assert face.points == ((112.5, 48.5), (160.5, 48.5), (120.5, 96.5), (152.5, 96.5))
    assert face.box == Box(104, 40, 64, 64)


def test_a_face_that_is_too_large_is_found_by_shrinking_further(weights):
    # Not red where the network looks at 640 pixels, but mostly red once four pixels are one.
    image = photo(480, 640, (128, 64, 2, RED), (128, 64, 1, (0, 0, 0)))
    assert FaceFinder(weights, least_score=0.8).find(image) == []
    (face,) = FaceFinder(weights, least_score=0.7).find(image)
    assert face.score == pytest.approx(0.75, abs=0.01)
    assert face.left_eye == (112.5, 48.5)


def test_a_face_that_is_too_small_is_found_at_twice_the_size(finder):
    (face,) = finder.find(photo(960, 1280, (64, 32, 1, RED)))
    assert face.points == FOUND.points


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (2000, 3), (50, 70)])
def test_a_photo_without_a_face_has_none(finder, shape):
    assert finder.find(photo(*shape)) == []


def test_landmarks_that_are_not_a_face_are_passed_over(tmp_path):
    (tmp_path / "yunet.onnx").write_bytes(marker_network(mouth_above=True))
    assert FaceFinder(tmp_path / "yunet.onnx").find(photo(100, 150, DOT)) == []


def test_threads_do_not_disturb_each_other(finder):
    photos = [photo(96 + 16 * n, 160 + 8 * n, (64, 32 + 8 * (n % 4), 8, RED)) for n in range(24)]
    alone = [finder.find(image) for image in photos]
    assert len({faces[0].left_eye for faces in alone}) == 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(finder.find, photos)) == alone


@pytest.mark.parametrize(
    "image", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_arrays_that_are_not_photos_are_refused(finder, image):
    with pytest.raises(ArgumentError, match="a photo is uint8"):
        finder.find(image)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Quota exceeded</html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        marker_network()[:-20],
        marker_network().replace(b"bbox_8", b"what_8"),
    ],
)
def test_files_that_are_not_yunet_are_refused(tmp_path, content):
    (tmp_path / "yunet.onnx").write_bytes(content)
    with pytest.raises(SourceError, match=r"yunet.onnx is damaged, or not YuNet .*--landmarks"):
        FaceFinder(tmp_path / "yunet.onnx")


def test_missing_weights_are_named_by_their_path(tmp_path):
    with pytest.raises(SourceError, match=r"yunet.onnx cannot be read: No such file"):
        FaceFinder(tmp_path / "yunet.onnx")


@pytest.fixture
def published(publish, site):
    """YuNet's entry in the table of sources, at a server of this machine."""
    content = marker_network()
    publish("yunet", "yunet.onnx", site.url("/yunet.onnx"), content)
    return content


def test_weights_are_fetched_once(published, site):
    site.pages["/yunet.onnx"] = published
    for _ in range(2):
        finder = FaceFinder()
        assert finder.weights_sha256 == hashlib.sha256(published).hexdigest()
        assert finder.find(photo(100, 150, DOT)) == [FOUND]
    assert site.requests == ["/yunet.onnx"]


def test_weights_that_cannot_be_fetched_are_reported_in_one_line_with_advice(published, tmp_path):
    with pytest.raises(SourceError, match=r"YuNet's weights: .*404.*--landmarks FILE") as error:
        FaceFinder()
    assert f"Put yunet.onnx into {tmp_path / 'cache'}" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_published_weights_are_known_by_address_size_and_hash():
    yunet = source("yunet")
    assert re.search(r"opencv_zoo/raw/[0-9a-f]{40}/.*/face_detection_yunet_2023mar.onnx", yunet.url)
    assert (yunet.file, yunet.size) == ("face_detection_yunet_2023mar.onnx", 232_589)
    assert yunet.sha256 is not None


@pytest.mark.network
def test_the_published_weights_find_the_astronaut(tmp_path, monkeypatch, astronaut):
    monkeypatch.setenv("FFHQ_WRINKLE_CACHE", str(tmp_path))
    (face,) = FaceFinder().find(astronaut)
    # Measured by hand: middle of the eyes, corners of the mouth.
    expected = ((203, 101), (246, 103), (207, 147), (241, 147))
    assert np.abs(np.subtract(face.points, expected)).max() < 8
    assert FaceFinder().find(np.zeros((300, 400, 3), np.uint8)) == []
    assert len(FaceFinder().find(np.hstack([astronaut, astronaut]))) == 2


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (((40, 50), (40, 50), (43, 70), (57, 70)), "same point"),
        (((60, 50), (40, 50), (57, 70), (43, 70)), "the viewer's, not the person's"),
        (((40, 50), (60, 50), (43, 30), (57, 30)), "not below the eyes"),
        (((40, 50), (60, 50), (70, 50), (80, 50)), "not below the eyes"),  # in line
        (((40, 50), (60, float("nan")), (43, 70), (57, 70)), "not a finite number"),
        (((40, float("inf")), (60, 50), (43, 70), (57, 70)), "not a finite number"),
    ],
)
def test_points_that_are_not_a_face_are_refused(points, said):
    with pytest.raises(ArgumentError, match=said):
        Landmarks(*points)


def test_a_face_may_be_turned_any_way():
    corners = np.array(FACE.points) - 50
    for angle in np.radians(range(0, 360, 15)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        Landmarks(*map(tuple, (corners @ turn.T).tolist()))


def test_exactly_one_face_is_required_unless_all_are_requested():
    assert choose_faces([FACE]) == choose_faces([FACE], all_faces=True) == [FACE]
    assert choose_faces([FACE, FOUND], all_faces=True) == [FACE, FOUND]
    with pytest.raises(AlignmentError, match="2 faces found; --all-faces"):
        choose_faces([FACE, FOUND])
    for all_faces in (False, True):
        with pytest.raises(AlignmentError, match="no face found"):
            choose_faces([], all_faces=all_faces)


HEADER = ",".join(COLUMNS)
ROW = "40,50,60.5,50,43,70,57,70"


@pytest.fixture
def table(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "faces.csv"
        path.write_text(text, encoding=encoding, newline="")
        return path

    return write


def test_a_table_has_one_face_per_row(table):
    path = table(f"{HEADER}\n7,{ROW}\nportrait,{ROW}\n00007,1,2,3,2,1,4,3,4\n\n")
    face = Landmarks((40, 50), (60.5, 50), (43, 70), (57, 70))
    small = Landmarks((1, 2), (3, 2), (1, 4), (3, 4))
    assert read_landmarks(path) == {"00007": [face, small], "portrait": [face]}


def test_columns_may_come_in_any_order_with_others_among_them(table):
    shuffled = ["note", *reversed(COLUMNS)]
    row = ["seen", *reversed(["x", *ROW.split(",")])]
    path = table(f"{','.join(shuffled)}\r\n{','.join(row)}\r\n", encoding="utf-8-sig")
    assert read_landmarks(path)["x"][0].right_eye == (60.5, 50)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"faces.csv lacks image_id, left_eye_x,"),
        (HEADER, "has no face"),
        (f"{HEADER.replace('mouth_left_y', 'mouth')}\nx,{ROW}", r"lacks mouth_left_y; it should"),
        (f"{HEADER},left_eye_x\nx,{ROW},1", "has left_eye_x twice"),
        (f"{HEADER}\nx,{ROW}\nx,1,2,3,4,five,6,7,8", r"csv:3: mouth_left_x is 'five', not a num"),
        (f"{HEADER}\nx,1,2,3", r"csv:2: right_eye_y is '', not a number"),
        (f"{HEADER}\nx,{ROW.replace('50', 'nan')}", r"csv:2: a coordinate is not a finite"),
        (f"{HEADER}\nx,{ROW.replace('57', 'inf')}", r"csv:2: a coordinate is not a finite"),
        (f"{HEADER}\nx,40,50,40,50,43,70,57,70", r"csv:2: both eyes are at the same point"),
        (f"{HEADER}\nx,60,50,40,50,57,70,43,70", r"csv:2: the mouth is not below"),
        (f"{HEADER}\n ,{ROW}", r"csv:2: the image id is missing"),
        (f'{HEADER}\n"x,{ROW}', "cannot be read as a table"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(table, text, said):
    with pytest.raises(ArgumentError, match=said):
        read_landmarks(table(text))


def test_a_file_that_is_not_text_is_refused(tmp_path, table):
    with pytest.raises(ArgumentError, match="cannot be read as a table"):
        read_landmarks(table(HEADER, encoding="utf-16"))
    with pytest.raises(ArgumentError, match="No such file"):
        read_landmarks(tmp_path / "none.csv")


def test_a_table_may_have_names_that_are_not_text(table):
    path = table("")
    path.write_bytes(f"{HEADER}\n".encode() + b"caf\xe9," + f"{ROW}\n".encode())
    assert list(read_landmarks(path)) == [NOT_TEXT[0]]
