"""Draw the facial regions on scikit-image's astronaut: `python tools/draw_regions.py [FILE]`."""

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from ffhq_wrinkle.faces.mesh import MeshFinder
from ffhq_wrinkle.faces.mesh_parser import face_labels
from ffhq_wrinkle.faces.regions import REGIONS, region_map
from ffhq_wrinkle.images.sizes import resized_nearest
from ffhq_wrinkle.reports.overlays import with_regions

_CROP = np.s_[20:200, 130:310]
_SIDE = 900


def main(out: Path) -> None:
    """Write the picture of docs/methods.md."""
    enlarged = cv2.resize(data.astronaut()[_CROP], (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    faces = MeshFinder().find(enlarged)
    regions = region_map((_SIDE, _SIDE), faces, face_labels(faces[0], enlarged))
    if regions is None:
        sys.exit("no face found")
    named = with_regions(enlarged, resized_nearest(regions, (_SIDE, _SIDE)), REGIONS, colours=True)
    Image.fromarray(named).save(out, quality=80, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/regions.jpg"))
