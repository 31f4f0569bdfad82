"""Measure how well the template covers wrinkles: `python tools/measure_template.py FOLDER`.

FOLDER holds aligned faces in `images/` and hand-drawn wrinkle masks of the same names in `masks/`.
The tool prints two means over the images, with standard errors: the share of the drawn wrinkle
pixels inside the face mask, and the share of the image that the face mask covers.
"""

import sys
from pathlib import Path

import numpy as np

from ffhq_wrinkle.dataset.layout import find_images
from ffhq_wrinkle.errors import ParsingError
from ffhq_wrinkle.faces.labels import face_mask
from ffhq_wrinkle.faces.template import TemplateParser
from ffhq_wrinkle.images.photographs import read_image


def main(folder: Path) -> None:
    """Print the two shares, and the images in which the template found no face."""
    parser = TemplateParser()
    drawn = find_images(folder / "masks")
    inside, area, refused = [], [], []
    for image_id, file in find_images(folder / "images").items():
        image = read_image(folder / "images" / file.path)
        wrinkles = read_image(folder / "masks" / drawn[image_id].path)[:, :, 0] > 0
        try:
            face = face_mask(parser([image], [image_id])[0], image.shape[:2])
        except ParsingError:
            refused.append(image_id)
            continue
        inside.append((face & wrinkles).sum() / wrinkles.sum())
        area.append(face.mean())
    for name, shares in (("wrinkle pixels inside", inside), ("area of the image", area)):
        error = np.std(shares, ddof=1) / len(shares) ** 0.5
        print(f"{name:22} {np.mean(shares):.4f} +- {error:.4f}, {len(shares)} images")
    if refused:
        print(f"no face found in {len(refused)} images: {', '.join(refused)}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
