"""Draw the picture of the README by `ffhq-wrinkle demo`: `python tools/draw_demo.py [FILE]`."""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from ffhq_wrinkle.api.example import demo

_WIDTH = 1600


def main(out: Path) -> None:
    """Write the overview of the example, downsampled."""
    with tempfile.TemporaryDirectory() as folder:
        overview = Image.open(demo(folder)).convert("RGB")
        height = round(overview.height * _WIDTH / overview.width)
        small = overview.resize((_WIDTH, height), Image.Resampling.LANCZOS)
        small.save(out, quality=85, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/demo.jpg"))
