"""Draw what `import-labels` makes of three tools: `python tools/draw_annotations.py [FILE]`.

On scikit-image's astronaut, one person draws polylines in CVAT, one with a brush in Label Studio,
and one a line strip in LabelMe, who leaves out the second line.
"""

import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from ffhq_wrinkle import fuse_labels, import_labels, read_mask
from ffhq_wrinkle.annotation_tools.rle_pack import encode_mask
from ffhq_wrinkle.images.rasters import line_mask
from ffhq_wrinkle.reports.overlays import with_legend, wrinkle_overlay

_FACE = np.s_[33:185, 146:298]
_SIDE = 512
_CLOSE = np.s_[130:210, 165:325]  # the forehead
_ENLARGED = 4
_LINE_WIDTH = 3
_BRUSH_WIDTH = 5
_LINES = (((190, 160), (247, 156), (305, 160)), ((195, 180), (250, 175), (300, 181)))


def main(out: Path) -> None:
    """Write the picture of docs/annotating.md."""
    photo = cv2.resize(data.astronaut()[_FACE], (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        exports = [_cvat(folder), _label_studio(folder), _labelme(folder)]
        names = {"anna": "CVAT", "1": "Label Studio", "chris": "LabelMe"}
        import_labels(exports, folder / "ann", line_width=_LINE_WIDTH, names=names)
        folders = [folder / "ann" / name for name in names.values()]
        fuse_labels(folders, folder / "manual")
        masks = [read_mask(path / "astronaut.png") for path in folders]
        fused = read_mask(folder / "manual" / "astronaut.png")
    labels = ("CVAT, polylines", "Label Studio, brush", "LabelMe, line strip", "two of three drew")
    panels = [
        with_legend(_close(wrinkle_overlay(photo, mask)), label, [])
        for label, mask in zip(labels, [*masks, fused], strict=True)
    ]
    rows = [np.hstack(panels[:2]), np.hstack(panels[2:])]
    Image.fromarray(np.vstack(rows)).save(out, quality=80, optimize=True)


def _close(picture: np.ndarray) -> np.ndarray:
    """Return the forehead, each pixel as a square."""
    return picture[_CLOSE].repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)


def _cvat(folder: Path) -> Path:
    lines = "".join(
        f'<polyline label="wrinkle" points="{";".join(f"{x},{y}" for x, y in line)}"/>'
        for line in _LINES
    )
    path = folder / "job.xml"
    path.write_text(
        "<annotations><version>1.1</version><meta><job><id>1</id>"
        "<assignee><username>anna</username></assignee></job></meta>"
        f'<image id="0" name="astronaut.png" width="{_SIDE}" height="{_SIDE}">{lines}</image>'
        "</annotations>"
    )
    return path


def _label_studio(folder: Path) -> Path:
    drawn = np.zeros((_SIDE, _SIDE), bool)
    for line in _LINES:
        corners = np.array(line) + np.array([-3, 1])
        drawn |= line_mask(corners, drawn.shape, width=_BRUSH_WIDTH)
    region = {
        "id": "brush",
        "type": "brushlabels",
        "original_width": _SIDE,
        "original_height": _SIDE,
        "value": {
            "format": "rle",
            "rle": list(encode_mask(drawn)),
            "brushlabels": ["wrinkle"],
        },
    }
    annotation = {"id": 1, "completed_by": 1, "result": [region]}
    task = {"id": 1, "data": {"image": "astronaut.png"}, "annotations": [annotation]}
    path = folder / "project.json"
    path.write_text(json.dumps([task]))
    return path


def _labelme(folder: Path) -> Path:
    shapes = [
        {"label": "wrinkle", "shape_type": "linestrip", "points": [(x + 2, y - 1) for x, y in line]}
        for line in _LINES[:1]
    ]
    path = folder / "chris"
    path.mkdir()
    document = {
        "version": "5.5.0",
        "shapes": shapes,
        "imagePath": "astronaut.png",
        "imageHeight": _SIDE,
        "imageWidth": _SIDE,
    }
    (path / "astronaut.json").write_text(json.dumps(document))
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/annotating.jpg"))
