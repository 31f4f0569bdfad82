"""Weak work: what `weak.build_weak` does to each image, and the folders that it fills."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from .. import __version__
from ..dataset.layout import ImageFile
from ..errors import ParsingError
from ..faces.labels import FaceParser
from ..images.photographs import read_image
from ..results.outputs import OutputFolder
from ..results.result_files import State
from ..runs.shards import Work
from ..storage.places import Place
from .texture import TextureSettings

if TYPE_CHECKING:
    from .gpu_texture import GpuWeakMasks, WeakOnGpu


@dataclass(frozen=True, kw_only=True)
class ByProducts:
    """Folders for what comes about on the way; None is not kept.

    `labels` gets label maps as ``<id>.npy``, uint8 (512, 512); `face_masks` 0/255 PNG and
    `masked_images` RGB PNG that are black outside the face, both of the image's size.
    """

    labels: Place | None = None
    face_masks: Place | None = None
    masked_images: Place | None = None


class Loaded(NamedTuple):
    """An image in memory, and what the parser made of it so far."""

    file: ImageFile
    image: np.ndarray
    prepared: np.ndarray


# What `infer` gives: a label map, or from a GPU all that there is to compute.
Found = Union[np.ndarray, "WeakOnGpu"]


class WeakWork(Work[Loaded, Found]):
    """Images at their places to weak masks."""

    def __init__(
        self,
        place: Callable[[ImageFile], Place],
        read: Sequence[Place],
        parser: FaceParser,
        texture: TextureSettings,
        results: "WeakResults",
    ) -> None:
        super().__init__(read, results)
        self.place = place
        self.parser = parser
        self.texture = texture
        self.weak = results
        self._on_gpu: GpuWeakMasks | None = None  # which every process makes for itself

    @property
    def batch_size(self) -> int:
        """As many as the parser would like."""
        return self.parser.batch_size

    def load(self, file: ImageFile) -> Loaded:
        """Read an image, and prepare it for the parser."""
        image = read_image(self.place(file))
        return Loaded(file, image, self.parser.prepare(image, file.image_id))

    def infer(self, batch: list[Loaded]) -> list[Found]:
        """Label maps; or all there is to compute, where it can be done on a GPU."""
        prepared = [one.prepared for one in batch]
        keeps_labels = self.weak.labels is not None
        seen = None if keeps_labels else self.parser.on_gpu(prepared)
        if seen is None:
            return list(self.parser.label_maps(prepared))
        if self._on_gpu is None:
            from .gpu_texture import GpuWeakMasks  # loads torch

            self._on_gpu = GpuWeakMasks(self.texture)
        return list(self._on_gpu(seen))

    def write(self, one: Loaded, found: Found) -> None:
        """Compute what is not computed yet of an image's results, and write what was asked for."""
        if isinstance(found, np.ndarray):
            face = self.parser.face(found, one.image.shape[:2])
            weak = partial(self.texture.weak_mask, one.image, face)
            self.weak.write(one.file, one.image, face, weak, found)
        else:
            weak_mask = found.weak_mask
            self.weak.write(one.file, one.image, found.face(), lambda: weak_mask)


class WeakResults:
    """The folders that a run fills, and which file of each belongs to an image."""

    def __init__(
        self,
        out: Place,
        by_products: ByProducts,
        parser: FaceParser,
        texture: TextureSettings,
        overwrite: bool,
        stack: ExitStack,
    ) -> None:
        self.parser = parser
        weights = f" {parser.weights_sha256[:12]}" if parser.weights_sha256 else ""
        face_by = f"face by {parser.note}{weights}"
        parsing = parser.settings()

        def opened(path: Place, what: str, settings: dict[str, Any]) -> OutputFolder:
            note = f"{what}; {face_by}; ffhq-wrinkle build-weak"
            folder = OutputFolder(path, settings, note=note, overwrite=overwrite)
            return stack.enter_context(folder)

        def kept(path: Place | None, what: str) -> OutputFolder | None:
            return opened(path, what, parsing) if path else None

        self.weak = opened(out, f"masked texture map; {texture}", {**asdict(texture), **parsing})
        self.labels = kept(by_products.labels, "label map")
        self.face_masks = kept(by_products.face_masks, "face mask")
        self.masked_images = kept(by_products.masked_images, "face, masked")

    def complete(self, file: ImageFile) -> bool:
        """Whether everything asked for of this image is there."""
        return all(folder.state(name) is State.OURS for folder, name in self._places(file))

    def write(
        self,
        file: ImageFile,
        image: np.ndarray,
        face: np.ndarray,
        weak_mask: Callable[[], np.ndarray],
        label_map: np.ndarray | None = None,
    ) -> None:
        """Compute and write what is not there yet; the weak mask last.

        Raises
        ------
        ParsingError
            There is no face, so that the weak mask would be empty.
        """
        if not face.any():
            raise ParsingError("no face found: the label map has neither skin nor nose")
        makers: dict[OutputFolder | None, Callable[[], np.ndarray]] = {
            self.face_masks: lambda: face * np.uint8(255),
            self.masked_images: lambda: image * face[:, :, None],
            self.weak: weak_mask,
        }
        if label_map is not None:
            makers[self.labels] = lambda: label_map
        for folder, name in self._places(file):
            if folder.state(name) is not State.OURS:
                folder.write(name, makers[folder]())

    def _places(self, file: ImageFile) -> Iterator[tuple[OutputFolder, str]]:
        if self.labels:
            yield self.labels, f"{file.image_id}.npy"
        for folder in (self.face_masks, self.masked_images):
            if folder:
                yield folder, f"{file.image_id}.png"
        yield self.weak, file.mirrored(".png")

    def begin(self) -> None:
        """Note in each folder, all of which have been checked, that work is under way."""
        for folder in self._folders():
            folder.begin()

    def require_shared(self) -> None:
        """Refuse folders that are not those of the run."""
        for folder in self._folders():
            folder.require_shared()

    def remove_partials(self) -> None:
        """Remove what was left half written."""
        for folder in self._folders():
            folder.remove_partials()

    def finish(self) -> None:
        """Write each folder's record, that of the weak masks last."""
        for folder in self._folders():
            folder.finish({"command": "build-weak", "version": __version__})

    def _folders(self) -> list[OutputFolder]:
        folders = (self.labels, self.face_masks, self.masked_images, self.weak)
        return [folder for folder in folders if folder]
