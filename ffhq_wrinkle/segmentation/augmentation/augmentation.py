"""Augmentation: training samples flipped and distorted at random, each in one pass.

`augmented` draws a `Distortion` and resamples everything that belongs to a face by the same
sampling grid. Random numbers come from a generator that `sample_generator` makes for each sample,
so samples depend neither on the worker that makes them nor on their order.
"""

import hashlib
from dataclasses import dataclass, fields
from typing import NamedTuple

import cv2
import numpy as np

from ...errors import ArgumentError
from ...storage.writing import text_bytes
from .distortion import Distortion, ElasticField, elastic_nodes
from .warp import SamplingGrid, warp_image, warp_levels, warp_mask


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Probabilities and strengths of the six augmentations.

    The paper names the six but not their strengths. Probabilities, `scaling`, `elastic_sigma`,
    `grid_steps` and `optical_limit` are albumentations' defaults; the others are ours, chosen so
    that faces stay plausible with all six at once. Amounts are uniform from -limit to limit.

    Parameters
    ----------
    hflip_p, scaling_p, affine_p, elastic_p, grid_p, optical_p : float
        Probability of each: horizontal flip, scaling, affine, elastic, grid and optical
        distortion.
    scaling : float
        Scale factors range from 1 - scaling to 1 + scaling.
    rotation_deg, shear_deg : float
        Limits in degrees; shear is drawn for each axis.
    translation : float
        Limit as a fraction of the width, and of the height.
    elastic_alpha : float
        Standard deviation of the displacement along either axis, in pixels of an image of 1024;
        in other images it scales with the longer side.
    elastic_sigma : float
        Standard deviation of the Gaussian that smooths the displacement, in the same pixels.
    grid_steps : int
        Parts of equal size along each axis.
    grid_limit : float
        The sources of these parts are 1 - grid_limit to 1 + grid_limit times as wide, up to a
        factor that keeps the border in place.
    optical_limit : float
        Limit of the lens's k; see `Distortion`.

    Raises
    ------
    ArgumentError
        A value is not a number, or is outside its range, within which no image is folded.

    Examples
    --------
    >>> AugmentSettings(elastic_p=1.5)
    Traceback (most recent call last):
    ffhq_wrinkle.errors.ArgumentError: elastic_p is 1.5; it should be from 0 to 1
    """

    hflip_p: float = 0.5
    scaling_p: float = 0.5
    scaling: float = 0.1
    affine_p: float = 0.5
    rotation_deg: float = 10.0
    shear_deg: float = 5.0
    translation: float = 0.05
    elastic_p: float = 0.5
    elastic_alpha: float = 5.0
    elastic_sigma: float = 50.0
    grid_p: float = 0.5
    grid_steps: int = 5
    grid_limit: float = 0.2
    optical_p: float = 0.5
    optical_limit: float = 0.05

    def __post_init__(self) -> None:
        for field in fields(self):
            number = getattr(self, field.name)
            low, high = _RANGES.get(field.name, (0, 1))
            kind = int if field.type is int else int | float
            if (
                not isinstance(number, kind)
                or isinstance(number, bool)
                or not low <= number <= high
            ):
                whole = "a whole number " if kind is int else ""
                raise ArgumentError(
                    f"{field.name} is {number!r}; it should be {whole}from {low} to {high}"
                )
        # The slopes of the displacement have a standard deviation of alpha / (sqrt(2) sigma);
        # the image is folded wherever a slope is below -1.
        if self.elastic_alpha > self.elastic_sigma / 4:
            raise ArgumentError(
                f"elastic_alpha is {self.elastic_alpha}, more than a quarter of elastic_sigma, "
                f"{self.elastic_sigma}; that would fold the image"
            )

    @classmethod
    def none(cls) -> "AugmentSettings":
        """Return settings that change nothing but the crop."""
        return cls(hflip_p=0, scaling_p=0, affine_p=0, elastic_p=0, grid_p=0, optical_p=0)


# The ranges of settings that are not 0 to 1.
_RANGES: dict[str, tuple[float, float]] = {
    "scaling": (0, 0.9),
    "rotation_deg": (0, 180),
    "shear_deg": (0, 40),
    "elastic_alpha": (0, 1024),
    "elastic_sigma": (1, 1024),
    "grid_steps": (1, 100),
    "grid_limit": (0, 0.9),
    "optical_limit": (0, 0.3),
}


class FaceArrays(NamedTuple):
    """Arrays that belong to one face, all of one size (H, W).

    Parameters
    ----------
    image : np.ndarray
        uint8 (H, W, C): RGB, or with the texture map as fourth channel.
    target : np.ndarray
        A mask, bool (H, W), or levels, uint8 (H, W): a soft label or a texture map.
    texture : np.ndarray, optional
        uint8 (H, W).
    face : np.ndarray, optional
        Face mask, bool (H, W).
    """

    image: np.ndarray
    target: np.ndarray
    texture: np.ndarray | None = None
    face: np.ndarray | None = None


def sample_generator(seed: int, epoch: int, image_id: str) -> np.random.Generator:
    """Return the generator of one sample's random numbers, the same in every process.

    Parameters
    ----------
    seed, epoch : int
        The training run's seed, and the epoch.
    image_id : str
        The face's id.

    Returns
    -------
    np.random.Generator

    Examples
    --------
    >>> first, same, other = (sample_generator(0, epoch, "02135") for epoch in (3, 3, 4))
    >>> first.random() == same.random(), first.random() == other.random()
    (True, False)
    """
    digest = hashlib.sha256(text_bytes(f"{seed} {epoch} {image_id}")).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def drawn_distortion(
    shape: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator
) -> Distortion:
    """Draw a random distortion for an image (H, W).

    All numbers are drawn, whether used or not, so that turning one augmentation off leaves the
    others unchanged.
    """
    names = ("hflip_p", "scaling_p", "affine_p", "elastic_p", "grid_p", "optical_p")
    done = rng.random(6) < [getattr(settings, name) for name in names]
    flip, scaling, affine, elastic, grid, optical = done.tolist()
    amounts = rng.uniform(-1, 1, 7)
    amounts[0] *= settings.scaling * scaling
    amounts[1:6] *= affine
    amounts[6] *= settings.optical_limit * optical
    scale, rotation, shear_x, shear_y, right, down, k = amounts.tolist()
    elastic_rng, grid_rng = (np.random.default_rng(seed) for seed in rng.integers(2**63, size=2))
    steps = 1 + settings.grid_limit * grid_rng.uniform(-1, 1, (2, settings.grid_steps))
    field = None
    if elastic:
        nodes = elastic_nodes(settings.elastic_sigma, shape)
        noise = elastic_rng.standard_normal(nodes, np.float32)
        field = ElasticField(
            noise=noise, alpha=settings.elastic_alpha, sigma=settings.elastic_sigma
        )
    return Distortion(
        flipped=flip,
        scale=1 + scale,
        rotation_deg=rotation * settings.rotation_deg,
        shear_deg=(shear_x * settings.shear_deg, shear_y * settings.shear_deg),
        translation=(right * settings.translation, down * settings.translation),
        elastic=field,
        steps=(steps[0], steps[1]) if grid else None,
        optical=k,
    )


def sampling_grid(
    shape: tuple[int, int],
    settings: AugmentSettings,
    rng: np.random.Generator,
    *,
    crop: int | None = None,
) -> SamplingGrid:
    """Draw a random sampling grid for images of one size.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns (H, W) of the image.
    settings : AugmentSettings
        Probabilities and limits.
    rng : np.random.Generator
        See `sample_generator`.
    crop : int, optional
        Side of a random square in the distorted image; only that part of the grid is computed.

    Returns
    -------
    SamplingGrid
        Maps (H, W), or (crop, crop); the identity if no augmentation is drawn.

    Raises
    ------
    ArgumentError
        The crop is not from 1 to the shorter side.
    """
    if crop is not None and not 1 <= crop <= min(shape):
        raise ArgumentError(f"a crop of {crop} pixels a side is not in an image of {shape}")
    distortion = drawn_distortion(shape, settings, rng)
    if crop is None:
        return distortion.sampling_grid(shape, slice(0, shape[0]), slice(0, shape[1]))
    first = rng.integers(0, [side - crop + 1 for side in shape]).tolist()
    rows, columns = (slice(start, start + crop) for start in first)
    return distortion.sampling_grid(shape, rows, columns)


def augmented(
    sample: FaceArrays,
    settings: AugmentSettings,
    rng: np.random.Generator,
    *,
    crop: int | None = None,
) -> FaceArrays:
    """Flip and distort a sample at random, everything in it by the same grid.

    OpenCV uses as many threads as it is set to; in the workers of a data loader that should be
    one, by `cv2.setNumThreads(1)`.

    Parameters
    ----------
    sample : FaceArrays
        Not changed.
    settings : AugmentSettings
        Probabilities and limits.
    rng : np.random.Generator
        See `sample_generator`.
    crop : int, optional
        Side of a random square in the distorted image.

    Returns
    -------
    FaceArrays
        Arrays of the same kinds, (H, W) or (crop, crop): image and levels resampled bilinearly,
        masks by nearest neighbour; 0 beyond the border.

    Raises
    ------
    ArgumentError
        Sizes or kinds do not match, or the crop is not from 1 to the shorter side.
    """
    shape = sample.image.shape[:2]
    image, target, texture, face = sample
    others = [array for array in (target, texture, face) if array is not None]
    if any(array.shape != shape for array in others):
        raise ArgumentError(
            f"the image is {shape}, but its target, texture map or face mask "
            f"{[array.shape for array in others]}"
        )
    grid = sampling_grid(shape, settings, rng, crop=crop)
    if texture is not None and image.shape[2:] == (3,) and image.dtype == texture.dtype == np.uint8:
        # Four channels together take half as long as three and one.
        joined = warp_image(cv2.merge((image, texture)), grid)
        warped, texture = joined[:, :, :3], joined[:, :, 3]
    else:
        warped = warp_image(image, grid)
        texture = None if texture is None else warp_levels(texture, grid)
    return FaceArrays(
        warped,
        warp_mask(target, grid) if target.dtype == np.bool_ else warp_levels(target, grid),
        texture,
        None if face is None else warp_mask(face, grid),
    )
