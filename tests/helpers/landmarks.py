"""Landmarks, and tables of them."""

from ffhq_wrinkle.faces.landmarks import COLUMNS, Landmarks

# Measured by hand on the astronaut's portrait, seven times enlarged: pupils, corners of the mouth.
ASTRONAUT = Landmarks((203, 101), (246, 103), (203, 140), (244, 141))


def landmarks_csv(path, faces):
    rows = [",".join(COLUMNS)]
    rows += [
        ",".join([name, *(f"{number}" for point in face.points for number in point)])
        for name, face in faces
    ]
    path.write_text("\n".join(rows) + "\n")
    return path
