"""CVAT: "CVAT for images 1.1", an XML file to upload into a task of the same images."""

from xml.sax.saxutils import escape, quoteattr

from ..runs import run_lengths
from .drawing import Drawing, DrawnShape


class CvatWriter:
    """See `drawing.Writer`.

    Parameters
    ----------
    label : str
        Name of the class of all shapes.
    """

    file_name = "annotations.xml"

    def __init__(self, label: str) -> None:
        self.label = label

    def begin(self) -> str:
        """Return the beginning of the file."""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
            "  <meta><task><labels><label>"
            f"<name>{escape(self.label)}</name></label></labels></task></meta>\n"
        )

    def image(self, drawing: Drawing) -> str:
        """Return the element of one image."""
        height, width = drawing.size
        masks = "".join(map(self._mask, drawing.shapes))
        return (
            f'  <image id="{drawing.number - 1}" name={quoteattr(drawing.name)} width="{width}" '
            f'height="{height}">\n{masks}  </image>\n'
        )

    def _mask(self, shape: DrawnShape) -> str:
        runs = ", ".join(map(str, run_lengths(shape.mask).tolist()))
        height, width = shape.mask.shape
        return (
            f'    <mask label={quoteattr(self.label)} source="auto" occluded="0" rle="{runs}" '
            f'left="{shape.left}" top="{shape.top}" width="{width}" height="{height}" '
            'z_order="0"></mask>\n'
        )

    def end(self) -> str:
        """Return the end of the file."""
        return "</annotations>\n"
