"""Trained network: logits of wrinkle from inputs as bytes, computed by any library."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from ...errors import ArgumentError
from ...inference.devices import lacks_memory
from ...weak_labels.formulas import FORMULAS
from ...weak_labels.texture import TextureSettings
from ..checkpoints.trained_on import TrainedOn

Precision = Literal["32", "bf16"]
BATCH_ON_GPU = 4
_RGB = 3


class TrainedNetwork(ABC):
    """A trained network that turns inputs into logits of wrinkle against background.

    Attributes
    ----------
    name : str
        Name of the network, for records and notes.
    sha256 : str
        SHA-256 of the file from which it was loaded.
    in_channels : int
        3 for RGB, 4 for RGB and texture map.
    texture : TextureSettings or None
        Settings of the texture maps that it was trained on; None if not recorded.
    trained_on : TrainedOn or None
        The images that it was trained on; None if they are not recorded.
    side : int or None
        Longer side of the faces that it was trained on, in pixels; None if not recorded.
    aligned : bool
        Whether these faces were cut out of photos by `train --align`.
    least_side : int
        Shortest side of an image, in pixels, that it accepts.
    batch_size : int
        Number of images in a batch.
    precision : {"32", "bf16"}
        Precision of its arithmetic.
    """

    name: str
    sha256: str
    in_channels: int
    texture: TextureSettings | None
    trained_on: TrainedOn | None = None
    side: int | None
    aligned: bool = False
    least_side: int = 1
    batch_size: int = 1
    precision: Precision = "32"
    loaded_by: "Callable[[], TrainedNetwork] | None" = None

    def __reduce__(self) -> tuple[object, ...]:
        """Return what loads the network in another process, on a device of that process."""
        if self.loaded_by is None:
            raise ArgumentError("only networks from load_network can be sent to another process")
        return self.loaded_by, ()

    def logits(
        self, inputs: Sequence[np.ndarray], *, flip: bool = False, batch_size: int | None = None
    ) -> list[np.ndarray]:
        """Return the logit of wrinkle against background at each pixel of each image.

        Consecutive images of the same shape are computed together. All batches have the same size,
        and the last one is filled up, so that the result of an image does not depend on the number
        of images.

        Parameters
        ----------
        inputs : sequence of np.ndarray
            uint8 (H, W, in_channels) each, as `inputs.network_input` gives them.
        flip : bool
            Average the results for the image and for its mirror image (test-time augmentation).
        batch_size : int, optional
            Batch size to use instead of the network's own.

        Returns
        -------
        list of np.ndarray
            float32 (H, W) each: the logit of wrinkle minus that of background. Above 0, wrinkle is
            the more probable class; the logistic function gives the probability.

        Raises
        ------
        MemoryError
            The device does not have enough memory.
        """
        size = batch_size or self.batch_size
        results: list[np.ndarray] = []
        while len(results) < len(inputs):
            first = len(results)
            batch = [inputs[first]]
            for image in inputs[first + 1 : first + size]:
                if image.shape != batch[0].shape:
                    break
                batch.append(image)
            filled = np.stack(batch + batch[-1:] * (size - len(batch)))
            try:
                logits = self.batch_logits(filled)
                if flip:
                    mirrored = self.batch_logits(np.ascontiguousarray(filled[:, :, ::-1]))
                    logits = (logits + mirrored[:, :, ::-1]) / 2
            except RuntimeError as error:
                if lacks_memory(error):
                    raise MemoryError(str(error)) from error
                raise
            results.extend(np.ascontiguousarray(logits[: len(batch)]))
        return results

    def texture_settings(self, recipe: str | None = None) -> TextureSettings | None:
        """Return the settings of texture maps for this network; None if it does not use them.

        Parameters
        ----------
        recipe : str, optional
            Formula to use, a key of `formulas.FORMULAS`; the one that the network was trained with
            if not given.

        Raises
        ------
        ArgumentError
            The formula is not known, or is given for a network that does not use texture maps.
        """
        if self.in_channels == _RGB:
            if recipe:
                raise ArgumentError("this network does not use a texture map; leave --recipe out")
            return None
        if self.texture is None and recipe is None:
            raise ArgumentError(
                "the checkpoint does not record with which formula its texture maps were made; "
                f"name it with --recipe: {' or '.join(FORMULAS)}"
            )
        settings = self.texture or TextureSettings()
        return replace(settings, recipe=recipe) if recipe else settings

    @abstractmethod
    def batch_logits(self, batch: np.ndarray) -> np.ndarray:
        """Return the logits of a batch; a subclass computes them, and `logits` makes batches.

        Parameters
        ----------
        batch : np.ndarray
            uint8 (B, H, W, in_channels).

        Returns
        -------
        np.ndarray
            float32 (B, H, W): wrinkle against background, as `logits` returns them.
        """
