"""Weak labels: face photographs to masked texture maps, over a folder, in parallel, resumable.

`build_weak` reads each image, has a parser find the face in it, and writes the texture map inside
the face. `folder_run` has the work done; `outputs` keeps the folders it goes to.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from . import __version__
from .errors import ParsingError
from .files import read_image
from .folder_run import RunReport, Selection, choose_images, run_folder
from .labels import FaceParser
from .manifest import Ids, ImageFile, image_folder
from .outputs import OutputFolder, require_separate
from .places import Place
from .shards import Work
from .texture import KERNEL_SIZE, SIGMA, Recipe, masked_texture_map, require_kernel, scaled_kernel

# The side of the images that kernel size and sigma are meant for, the paper's.
REFERENCE_SIDE = 1024


@dataclass(frozen=True, kw_only=True)
class TextureSettings:
    """How texture maps are computed; the fields are those of `texture.texture_map`.

    With `scale_to_image`, kernel size and sigma are for an image whose longer side is 1024 pixels,
    and are scaled with it.

    Raises
    ------
    ArgumentError
        As `texture.texture_map`.
    """

    recipe: Recipe = "paper"
    kernel_size: int = KERNEL_SIZE
    sigma: float = SIGMA
    scale_to_image: bool = False

    def __post_init__(self) -> None:
        require_kernel(self.kernel_size, self.sigma, self.recipe)

    def weak_mask(self, image: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Masked texture map, uint8 (H, W), of RGB uint8 (H, W, 3) inside bool (H, W)."""
        kernel_size, sigma = self.kernel_size, self.sigma
        if self.scale_to_image:
            kernel_size, sigma = scaled_kernel(kernel_size, sigma, max(face.shape) / REFERENCE_SIDE)
        return masked_texture_map(
            image, face, kernel_size=kernel_size, sigma=sigma, recipe=self.recipe
        )

    def __str__(self) -> str:
        """One line for people."""
        scaled = " at 1024 pixels, scaled to the image" if self.scale_to_image else ""
        return f"recipe {self.recipe}, kernel {self.kernel_size}, sigma {self.sigma}{scaled}"


# How the texture maps were made that are published; the published networks learned from them.
RELEASED = TextureSettings(recipe="released")


@dataclass(frozen=True, kw_only=True)
class ByProducts:
    """Folders for what comes about on the way; None is not kept.

    `labels` gets label maps as ``<id>.npy``, uint8 (512, 512); `face_masks` 0/255 PNG and
    `masked_images` RGB PNG that are black outside the face, both of the image's size.
    """

    labels: Place | None = None
    face_masks: Place | None = None
    masked_images: Place | None = None


class _Loaded(NamedTuple):
    """An image in memory, and what the parser made of it so far."""

    file: ImageFile
    image: np.ndarray
    prepared: np.ndarray


def build_weak(
    images: Place,
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings | None = None,
    by_products: ByProducts | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    scheduler: str | None = None,
) -> RunReport:
    """Write the weak wrinkle mask of each image in a folder.

    Parameters
    ----------
    images : Place
        Photographs, flat or in FFHQ's shards, or a data set with a folder `images1024x1024`.
    out : Place
        Gets 8-bit gray PNG of each image's size, in the released layout, and `build.json`; and
        `failures.csv` if images failed.
    parser : FaceParser
        Finds the faces; see `parsing.create_parser`.
    texture : TextureSettings, optional
        The texture map; the paper's if not given.
    by_products : ByProducts, optional
        What else to keep; nothing if not given.
    ids : Ids, optional
        Which images; all if not given.
    limit : int, optional
        Only so many images, the first ones.
    jobs : int
        Threads that read, compute and write; on a cluster those of each worker, 0 for as many as
        it has cores.
    overwrite : bool
        Replace what is there.
    scheduler : str, optional
        Which cluster does it, see `cluster.connected`; this process if not given. The parser is
        then sent to other processes, and has to be one that `pickle` takes.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images, folders to read and to write overlap, or there is no such
        cluster.
    ClusterError
        The cluster's workers can not do it.
    OutputError
        Results can not be written, or would mix with those of other settings.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    folder = image_folder(images)
    return _build(
        choose_images(folder, ids, limit),
        partial(_in_folder, folder),
        [folder],
        out,
        parser=parser,
        texture=texture or TextureSettings(),
        by_products=by_products or ByProducts(),
        jobs=jobs,
        overwrite=overwrite,
        scheduler=scheduler,
    )


def _in_folder(folder: Place, file: ImageFile) -> Place:
    return folder / file.path


def build_weak_of(
    images: Mapping[str, Place],
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings | None = None,
    by_products: ByProducts | None = None,
    jobs: int = 1,
) -> RunReport:
    """Write the weak wrinkle masks of images that lie anywhere, named by their ids.

    Parameters
    ----------
    images : mapping of str to Place
        The file of each id.
    out, parser, texture, by_products, jobs
        As `build_weak`; `failures.csv` names an image by its id.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError, OutputError, RunInterrupted
        As `build_weak`.
    """
    files = [ImageFile(image_id, f"{image_id}.png") for image_id in sorted(images)]
    return _build(
        Selection(files, missing=[], everything=False),
        lambda file: images[file.image_id],
        sorted({path.parent for path in images.values()}, key=str),
        out,
        parser=parser,
        texture=texture or TextureSettings(),
        by_products=by_products or ByProducts(),
        jobs=jobs,
        overwrite=False,
    )


def _build(
    selection: Selection,
    place: Callable[[ImageFile], Place],
    read: Sequence[Place],
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings,
    by_products: ByProducts,
    jobs: int,
    overwrite: bool,
    scheduler: str | None = None,
) -> RunReport:
    """Do the work of `build_weak` on images that lie where `place` says, in the folders `read`."""
    targets = [path for path in (out, *asdict(by_products).values()) if path]
    require_separate([*read, parser.folder], targets)
    with ExitStack() as stack:
        results = _Results(out, by_products, parser, texture, overwrite, stack)
        return run_folder(
            selection,
            out,
            title="build-weak",
            what="weak masks",
            work=_WeakWork(place, read, parser, texture, results),
            jobs=jobs,
            scheduler=scheduler,
        )


class _WeakWork(Work[_Loaded, np.ndarray]):
    """Images at their places to weak masks."""

    def __init__(
        self,
        place: Callable[[ImageFile], Place],
        read: Sequence[Place],
        parser: FaceParser,
        texture: TextureSettings,
        results: "_Results",
    ) -> None:
        super().__init__(read, results)
        self.place = place
        self.parser = parser
        self.texture = texture
        self.weak = results

    @property
    def batch_size(self) -> int:
        """As many as the parser would like."""
        return self.parser.batch_size

    def load(self, file: ImageFile) -> _Loaded:
        """Read an image, and prepare it for the parser."""
        image = read_image(self.place(file))
        return _Loaded(file, image, self.parser.prepare(image, file.image_id))

    def infer(self, batch: list[_Loaded]) -> list[np.ndarray]:
        """Label maps."""
        return self.parser.label_maps([one.prepared for one in batch])

    def write(self, one: _Loaded, label_map: np.ndarray) -> None:
        """Compute the weak mask, and write what was asked for."""
        self.weak.write(one.file, one.image, label_map, self.texture)


class _Results:
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
        return all(folder.has(name) for folder, name in self._places(file))

    def write(
        self, file: ImageFile, image: np.ndarray, label_map: np.ndarray, texture: TextureSettings
    ) -> None:
        """Compute and write what is not there yet; the weak mask last.

        Raises
        ------
        ParsingError
            There is no face, so that the weak mask would be empty.
        """
        face = self.parser.face(label_map, image.shape[:2])
        if not face.any():
            raise ParsingError("no face found: the label map has neither skin nor nose")
        makers: dict[OutputFolder | None, Callable[[], np.ndarray]] = {
            self.labels: lambda: label_map,
            self.face_masks: lambda: face * np.uint8(255),
            self.masked_images: lambda: image * face[:, :, None],
            self.weak: lambda: texture.weak_mask(image, face),
        }
        for folder, name in self._places(file):
            if not folder.has(name):
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
