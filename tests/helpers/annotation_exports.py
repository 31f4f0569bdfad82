"""Exports of annotation tools: those in ../shared/data with their truth, and how they are read."""

import numpy as np
from PIL import Image

from ffhq_wrinkle.annotation_tools.catalogue import tool_of
from ffhq_wrinkle.annotation_tools.export_files import export_files
from ffhq_wrinkle.annotation_tools.pixels import area_mask
from tests.helpers import REAL_DATA

EXPORTS = REAL_DATA / "annotation-exports"


def truth(path):
    return np.asarray(Image.open(EXPORTS / path).convert("L")) > 0


def annotations_of(path):
    return [annotation for file in export_files(path) for annotation in tool_of(file).read(file)]


def drawn(annotation, label=None, size=None, kinds=None, **settings):
    """The union of the shapes of an annotation, perhaps only those of a label or of some kinds."""
    size = size or annotation.size
    mask = np.zeros(size, bool)
    for shape in annotation.shapes:
        if (label is None or shape.label == label) and (kinds is None or shape.kind in kinds):
            for area in shape.areas:
                mask |= area_mask(area, size, **settings)
    return mask


def jaccard(first, second):
    return (first & second).sum() / (first | second).sum()


def cvat_shape(kind="box", label="wrinkle", **attributes):
    if kind == "box" and not attributes:
        attributes = {"xtl": 2, "ytl": 3, "xbr": 6, "ybr": 5}
    written = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<{kind} label="{label}" {written}></{kind}>'


def cvat_file(path, images, person=None, *, size=(20, 30), updated="2026-11-20"):
    """An export of a CVAT job: names of images with their shapes, and the job's assignee."""
    height, width = size
    assignee = f"<assignee><username>{person}</username></assignee>" if person else ""
    listed = "".join(
        f'<image id="{number}" name="{name}" width="{width}" height="{height}">{shapes}</image>'
        for number, (name, shapes) in enumerate(images.items())
    )
    path.write_text(
        "<annotations><version>1.1</version>"
        f"<meta><job><id>1</id><updated>{updated}</updated>{assignee}</job></meta>"
        f"{listed}</annotations>"
    )
    return path


def label_studio_polygon(points, label="wrinkle", size=(20, 30)):
    value = {"points": points, "closed": True, "polygonlabels": [label]}
    sizes = {"original_height": size[0], "original_width": size[1]}
    return {"type": "polygonlabels", "id": "p", "value": value, **sizes}


def label_studio_task(number, image, annotations):
    """A task: each annotation is a person and regions, perhaps with further keys."""
    listed = [
        {"id": 10 * number + place, "completed_by": person, "result": regions, **more}
        for place, (person, regions, more) in enumerate(annotations)
    ]
    return {"id": number, "data": {"image": image}, "annotations": listed}
