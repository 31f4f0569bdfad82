"""Label Studio: tasks with predictions, which annotators begin from, as JSON to import."""

import json
import uuid

from ..rle_pack import encode_mask
from .drawing import Drawing, DrawnShape


class LabelStudioWriter:
    """See `drawing.Writer`.

    Parameters
    ----------
    label : str
        Name of the class of all shapes.
    model_version : str
        Name of the predictions, as the tool shows it.
    control : str
        Name of the `BrushLabels` tag in the labelling interface; its image is called "image".
    """

    file_name = "tasks.json"

    def __init__(self, label: str, *, model_version: str, control: str = "brush") -> None:
        self.label = label
        self.model_version = model_version
        self.control = control

    def begin(self) -> str:
        """Return the beginning of the file."""
        return "["

    def image(self, drawing: Drawing) -> str:
        """Return the task of one image."""
        pixels = sum(int(shape.mask.sum()) for shape in drawing.shapes)
        weighted = sum(shape.score * int(shape.mask.sum()) for shape in drawing.shapes)
        prediction = {
            "model_version": self.model_version,
            "score": round(weighted / pixels, 6) if pixels else 0.0,
            "result": [
                self._region(drawing, number, shape)
                for number, shape in enumerate(drawing.shapes, start=1)
            ],
        }
        task = {"data": {"image": drawing.name}, "predictions": [prediction]}
        comma = "," if drawing.number > 1 else ""
        return f"{comma}\n{json.dumps(task, separators=(',', ':'))}"

    def _region(self, drawing: Drawing, number: int, shape: DrawnShape) -> dict[str, object]:
        height, width = drawing.size
        identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{drawing.name} {number}").hex[:10]
        return {
            "id": identity,
            "type": "brushlabels",
            "from_name": self.control,
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": round(shape.score, 6),
            "value": {
                "format": "rle",
                "rle": list(encode_mask(shape.in_image(drawing.size))),
                "brushlabels": [self.label],
            },
        }

    def end(self) -> str:
        """Return the end of the file."""
        return "\n]\n"
