"""LabelMe (Wada): a JSON file for each picture, with a mask for each shape."""

import base64
import json

import numpy as np

from ...images.png import encode_png
from .drawing import Drawing, DrawnShape


class LabelMeWriter:
    """See `drawing.Writer`.

    Parameters
    ----------
    label : str
        Name of the class of all shapes.
    """

    file_name = ""

    def __init__(self, label: str) -> None:
        self.label = label

    def begin(self) -> str:
        """Return nothing, since each image has a file of its own."""
        return ""

    def image(self, drawing: Drawing) -> str:
        """Return the file of one image."""
        height, width = drawing.size
        document: dict[str, object] = {
            "version": "5.5.0",
            "flags": {},
            "shapes": [self._shape(shape) for shape in drawing.shapes],
            "imagePath": drawing.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        return json.dumps(document, indent=2) + "\n"

    def _shape(self, shape: DrawnShape) -> dict[str, object]:
        height, width = shape.mask.shape
        right, bottom = shape.left + width - 1, shape.top + height - 1  # inclusive
        picture = encode_png(shape.mask.astype(np.uint8))  # 0 and 1
        return {
            "label": self.label,
            "points": [[float(shape.left), float(shape.top)], [float(right), float(bottom)]],
            "group_id": None,
            "description": "",
            "shape_type": "mask",
            "flags": {},
            "mask": base64.b64encode(picture).decode(),
        }

    def end(self) -> str:
        """Return nothing, since each image has a file of its own."""
        return ""
