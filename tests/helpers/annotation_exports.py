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
