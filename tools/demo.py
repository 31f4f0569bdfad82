"""Make weak wrinkle masks of a real face, and a picture of them: `python tools/demo.py FOLDER`.

The face is that of the astronaut Eileen Collins, whose portrait (NASA, public domain) ships with
scikit-image. It is cropped as FFHQ aligns faces, to 512x512, and FOLDER receives its weak masks by
each formula.
"""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from ffhq_wrinkle.dataset.layout import released_path
from ffhq_wrinkle.faces.alignment import ffhq_alignment
from ffhq_wrinkle.faces.mesh import MeshFinder
from ffhq_wrinkle.images.photographs import read_image
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.storage.writing import write_bytes
from ffhq_wrinkle.weak_labels.formulas import FORMULAS

SIDE = 512
IMAGES = f"images{SIDE}x{SIDE}"
IMAGE = released_path("00000", ".png")


def aligned_astronaut() -> np.ndarray:
    """Return the astronaut's face as FFHQ would frame it, RGB uint8 (512, 512, 3)."""
    portrait = data.astronaut()
    (face,) = MeshFinder().find(portrait)
    return ffhq_alignment(face.landmarks, SIDE).aligned(portrait)


def build_weak(folder: Path, recipe: str, face_masks: Path) -> Path:
    """Run the command as a user would, and return the path of the weak mask."""
    out = folder / f"weak_wrinkle_masks_{recipe}"
    command = Path(sys.executable).with_name("ffhq-wrinkle")
    arguments = ["--parser", "mesh", "--scale-to-image", "--recipe", recipe, "--overwrite"]
    arguments += ["--save-face-masks", str(face_masks)]
    subprocess.run([command, "build-weak", folder / IMAGES, out, *arguments], check=True)
    return out / IMAGE


def overview(image: np.ndarray, face_mask: np.ndarray, *weak_masks: np.ndarray) -> np.ndarray:
    """Join the photograph, the same with the face mask's outline, and brightened weak masks."""
    outlined = image.copy()
    contours, _ = cv2.findContours(face_mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(outlined, contours, -1, (255, 220, 0), 2)
    # Weak masks are dark: 40 out of 255 is a strong response.
    bright = [
        np.repeat(np.clip(mask.astype(int) * 5, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
        for mask in weak_masks
    ]
    return np.hstack([image, outlined, *bright])


def main(folder: Path) -> None:
    """Write the image, its masks and the overview to the folder."""
    path = folder / IMAGES / IMAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    image = aligned_astronaut()
    write_bytes(path, encode_png(image))
    faces = folder / "face_masks"
    weak = [build_weak(folder, recipe, faces) for recipe in FORMULAS]
    mask = read_image(faces / Path(IMAGE).name)[:, :, 0]
    picture = overview(image, mask, *(read_image(path)[:, :, 0] for path in weak))
    write_bytes(folder / "overview.png", encode_png(picture))
    print(f"Weak masks: {' and '.join(map(str, weak))}; overview: {folder / 'overview.png'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
