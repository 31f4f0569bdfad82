"""COCO: one JSON file with compressed run lengths, which keep every pixel."""

import json

from ..runs import coco_text, run_lengths
from .drawing import Drawing, DrawnShape


class CocoWriter:
    """See `drawing.Writer`.

    The annotations are gathered while the images are written, and follow them.

    Parameters
    ----------
    label : str
        Name of the category of all shapes.
    """

    file_name = "annotations.json"

    def __init__(self, label: str) -> None:
        self.label = label
        self._annotations: list[str] = []

    def begin(self) -> str:
        """Return the beginning of the file."""
        categories = json.dumps([{"id": 1, "name": self.label}])
        return f'{{"info": {{}}, "licenses": [], "categories": {categories}, "images": ['

    def image(self, drawing: Drawing) -> str:
        """Return the entry of one image."""
        height, width = drawing.size
        for shape in drawing.shapes:
            annotation = self._annotation(drawing, shape, len(self._annotations) + 1)
            self._annotations.append(json.dumps(annotation))
        entry = {
            "id": drawing.number,
            "file_name": drawing.name,
            "width": width,
            "height": height,
        }
        comma = "," if drawing.number > 1 else ""
        return f"{comma}\n{json.dumps(entry)}"

    def _annotation(self, drawing: Drawing, shape: DrawnShape, number: int) -> dict[str, object]:
        height, width = shape.mask.shape
        lengths = run_lengths(shape.in_image(drawing.size).T)
        return {
            "id": number,
            "image_id": drawing.number,
            "category_id": 1,
            "iscrowd": 0,
            "area": int(shape.mask.sum()),
            "bbox": [shape.left, shape.top, width, height],
            "score": round(shape.score, 6),
            "segmentation": {"size": list(drawing.size), "counts": coco_text(lengths)},
        }

    def end(self) -> str:
        """Return the end of the file, with all annotations."""
        listed = ",\n".join(self._annotations)
        return f'\n], "annotations": [\n{listed}\n]}}\n'
