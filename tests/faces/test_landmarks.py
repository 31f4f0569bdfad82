import numpy as np
import pytest

from ffhq_wrinkle.errors import AlignmentError, ArgumentError
from ffhq_wrinkle.faces.landmarks import (
    COLUMNS,
    Landmarks,
    choose_faces,
    read_landmarks,
)
from tests.helpers.odd_names import NOT_TEXT

FACE = Landmarks((40, 50), (60, 50), (43, 70), (57, 70))
OTHER = Landmarks((56, 24), (80, 24), (60, 48), (76, 48))


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
    assert choose_faces([FACE, OTHER], all_faces=True) == [FACE, OTHER]
    with pytest.raises(AlignmentError, match="2 faces found; --all-faces"):
        choose_faces([FACE, OTHER])
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
