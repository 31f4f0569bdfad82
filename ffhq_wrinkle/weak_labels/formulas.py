"""Formulas: how the levels of a texture map follow from the gray image and the filtered one.

`FORMULAS` is the only list of them, and a new formula is one entry in it. The name of a formula is
what users and records call a recipe: the option ``--recipe``, the argument `recipe` and the key
``recipe`` in `build.json` and in checkpoints. `texture` applies a formula on the CPU, `gpu_texture`
on a GPU.

Commands offer the names in the table, so importing this module loads no numerical library. Each
function imports what it computes with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A formula that turns I and I_G into levels.

    I is the 8-bit gray image and I_G the same image after a Gaussian filter, both as float64 in
    0..255. Functions take I and 1 + I_G, by which both published formulas divide: adding 1 is free
    in the pass that rounds I_G, while a pass of its own costs 8 % of a texture map. They may
    overwrite both arrays.

    Parameters
    ----------
    name : str
        Its name for users and in records.
    description : str
        A few words for the help of ``--recipe``.
    levels : callable
        Computes levels on the CPU: from two NumPy arrays, float64 (H, W), to uint8 (H, W).
    levels_on_gpu : callable, optional
        Computes the same levels on a GPU: from two PyTorch tensors, float64 (B, H, W), to uint8
        (B, H, W). Its operations must not depend on the values, since a GPU records and repeats
        them. Without this function the formula is computed on the CPU alone.
    """

    name: str
    description: str
    levels: "Callable[[np.ndarray, np.ndarray], np.ndarray]"
    levels_on_gpu: "Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None" = None


def paper_levels(gray: "np.ndarray", filtered_plus_1: "np.ndarray") -> "np.ndarray":
    """Return T = (1 - I / (1 + I_G)) * 255, Eq. 1 of Moon, Chung and Jang (ICPR 2024).

    It is clipped to 0..255 and rounded to the nearest level, ties to the even one.
    """
    import cv2
    import numpy as np

    response = np.divide(gray, filtered_plus_1, out=filtered_plus_1)
    np.subtract(1, response, out=response)
    # OpenCV clips to 0..255 and rounds ties to the even level in the same pass.
    levels = cv2.addWeighted(response, 255.0, response, 0.0, 0.0, dtype=cv2.CV_8U)
    return np.asarray(levels)


def paper_levels_on_gpu(gray: "torch.Tensor", filtered_plus_1: "torch.Tensor") -> "torch.Tensor":
    """Return the levels of `paper_levels`."""
    response = (1 - gray.div_(filtered_plus_1)).mul_(255)
    return response.clamp_(0, 255).round_().byte()


def released_levels(gray: "np.ndarray", filtered_plus_1: "np.ndarray") -> "np.ndarray":
    """Return what the published masks hold: T = 1 - d in 8 bits, that is (257 - d) mod 256.

    d = 255 * I / (1 + I_G), at most 255 and truncated to a whole number; see issues 10 and 13 of
    github.com/labhai/ffhq-wrinkle-dataset.
    """
    import numpy as np

    quotient = np.divide(255 * gray, filtered_plus_1, out=filtered_plus_1)
    np.minimum(quotient, 255, out=quotient)
    levels: np.ndarray = np.uint8(1) - quotient.astype(np.uint8)  # wraps around, as published
    return levels


def released_levels_on_gpu(gray: "torch.Tensor", filtered_plus_1: "torch.Tensor") -> "torch.Tensor":
    """Return the levels of `released_levels`."""
    quotient = gray.mul_(255).div_(filtered_plus_1).clamp_(max=255)
    return 1 - quotient.byte()


FORMULAS: dict[str, Formula] = {
    formula.name: formula
    for formula in (
        Formula(
            name="paper",
            description="Eq. 1 of the paper",
            levels=paper_levels,
            levels_on_gpu=paper_levels_on_gpu,
        ),
        Formula(
            name="released",
            description="as in the published masks",
            levels=released_levels,
            levels_on_gpu=released_levels_on_gpu,
        ),
    )
}


def formula_named(recipe: str) -> Formula:
    """Return the formula of a name.

    Raises
    ------
    ArgumentError
        No formula has this name.
    """
    # Records of damaged files can hold anything here, even what no dict can look up.
    formula = FORMULAS.get(recipe) if isinstance(recipe, str) else None
    if formula is None:
        raise ArgumentError(f"recipe is {recipe!r}; choose one of {', '.join(FORMULAS)}")
    return formula
