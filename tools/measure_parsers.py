"""Measure how well face parsers mask faces: `python tools/measure_parsers.py FOLDER [PARSER ...]`.

FOLDER holds faces in `images/` and hand-drawn wrinkle masks of the same names in `masks/`, or only
photos of faces; the first of these measures is then left out. For each parser the tool prints means
over the images, with standard errors:

- the share of the drawn wrinkle pixels inside the face mask;
- the share of the image that the face mask covers;
- the share of the face mask outside a generous outline of the face;
- the share of eyes, brows and lips that the face mask contains;
- milliseconds of one core per image.

The outline and the parts are those of the face mesh on the mirrored image, mirrored back, so that
the parser `mesh` is not measured by its own points. The outline is stretched by half of its height
above the eyes and of its depth below the mouth, and widened by 3 % of the face's size.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import torch

from ffhq_wrinkle.dataset.layout import find_images
from ffhq_wrinkle.errors import ParsingError
from ffhq_wrinkle.faces.labels import CLASSES, face_mask
from ffhq_wrinkle.faces.mesh import MeshFace, MeshFinder
from ffhq_wrinkle.faces.mesh_parser import face_labels
from ffhq_wrinkle.faces.outlines import stretched_outline
from ffhq_wrinkle.faces.parsing import create_parser
from ffhq_wrinkle.images.photographs import read_image

_PARTS = [CLASSES.index(name) for name in ("l_eye", "r_eye", "l_brow", "r_brow", "u_lip", "l_lip")]
_STRETCH, _WIDENED = 0.5, 0.03
_INSIDE, _MILLISECONDS = "wrinkle pixels inside", "milliseconds"


def main(
    folder: Path,
    names: list[str],
    *,
    weights: Path | None = None,
    only_timed: Collection[str] = (),
) -> None:
    """Print the measures of each parser, and the images in which it found no face.

    `weights` are those of BiSeNet. Only milliseconds are printed of parsers in `only_timed`, whose
    weights are random.
    """
    torch.set_num_threads(1)
    finder = MeshFinder()
    parsers = [
        create_parser(name, weights=weights if name == "bisenet" else None, device="cpu")
        for name in names
    ]
    has_masks = (folder / "masks").is_dir()
    drawn = find_images(folder / "masks") if has_masks else {}
    photos = folder / "images" if (folder / "images").is_dir() else folder
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    refused: dict[str, list[str]] = defaultdict(list)
    warm: set[str] = set()
    for image_id, file in find_images(photos).items():
        image = read_image(photos / file.path)
        mirrored = np.ascontiguousarray(image[:, ::-1])
        reference = finder.find(mirrored, least_score=0)[0]
        generous = _generous(reference, image.shape[:2])[:, ::-1]
        parts = _parts(reference, mirrored)[:, ::-1]
        for parser in parsers:
            if parser.name not in warm:
                with suppress(ParsingError):
                    parser([image], [image_id])
                warm.add(parser.name)
            begun = time.thread_time()
            try:
                face = face_mask(parser([image], [image_id])[0], image.shape[:2])
            except ParsingError:
                refused[parser.name].append(image_id)
                continue
            measured = {_MILLISECONDS: 1000 * (time.thread_time() - begun)}
            if parser.name not in only_timed and not face.any():
                refused[parser.name].append(image_id)
                continue
            if parser.name not in only_timed:
                if has_masks:
                    wrinkles = read_image(folder / "masks" / drawn[image_id].path)[:, :, 0] > 0
                    measured[_INSIDE] = (face & wrinkles).sum() / wrinkles.sum()
                measured["area of the image"] = face.mean()
                measured["mask outside the face"] = (face & ~generous).sum() / face.sum()
                measured["eyes, brows and lips in the mask"] = (face & parts).sum() / parts.sum()
            for measure, value in measured.items():
                values[parser.name, measure].append(float(value))
    for (name, measure), shares in values.items():
        error = np.std(shares, ddof=1) / len(shares) ** 0.5
        print(
            f"{name:8} {measure:32} {np.mean(shares):8.4f} +- {error:.4f}, median "
            f"{np.median(shares):.3f}, at most {max(shares):.3f}, {len(shares)} images"
        )
    for name, image_ids in refused.items():
        print(f"{name}: no face found in {len(image_ids)} images: {', '.join(image_ids)}")


def _generous(face: MeshFace, shape: tuple[int, int]) -> np.ndarray:
    """Return a mask, bool (H, W), outside which there is no skin of the face."""
    filled = np.zeros(shape, np.uint8)
    outline = stretched_outline(face.points, _STRETCH, _STRETCH)
    cv2.fillPoly(filled, [np.rint(outline).astype(np.int32)], 1)
    reach = round(_WIDENED * max(face.box[2:]))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(filled, disc) > 0)


def _parts(face: MeshFace, image: np.ndarray) -> np.ndarray:
    """Return eyes, brows and lips, bool (H, W)."""
    is_part = np.isin(face_labels(face, image, margin=0), _PARTS).astype(np.uint8)
    size_wh = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(is_part, size_wh, interpolation=cv2.INTER_NEAREST) > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:] or ["mesh"])
