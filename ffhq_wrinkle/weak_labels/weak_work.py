"""Weak work: what `weak.build_weak` does with each image, and the folders that it fills.

`WeakWork` takes an image through the steps of `runs.shards.Work`: read and prepare, parse in a
batch, compute and write. `WeakResults` knows which files belong to an image.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from .. import __version__
from ..dataset.ids import id_of_path
from ..dataset.layout import ImageFile
from ..errors import ParsingError
from ..faces.labels import FaceParser
from ..images.jpeg import encode_jpeg
from ..images.named import read_named
from ..images.photographs import read_image
from ..reports.contact_sheets import contact_sheet
from ..results.inputs import Candidates, InputRow, InputTable, Reading
from ..results.outputs import OutputFolder
from ..results.result_files import State
from ..runs.shards import Work
from ..storage.places import Place, parse_place
from ..storage.writing import write_bytes
from .texture import TextureSettings
from .views import weak_view

if TYPE_CHECKING:
    from .gpu_texture import GpuWeakMasks, WeakOnGpu


# The suffix is not that of results, so that no view has this name.
SHEET = "contact_sheet.jpeg"
_ON_SHEET, _SHEET_COLUMNS, _SHEET_HEIGHT = 48, 4, 160


@dataclass(frozen=True, kw_only=True)
class ByProducts:
    """Folders for intermediate results; those that are None are not kept.

    `labels` gets label maps as ``<id>.npy``, uint8 (512, 512). `face_masks` gets 0/255 PNG and
    `masked_images` RGB PNG that are black outside the face, both of the image's size. `views` gets
    JPEG that show the weak masks, see `views.weak_view`, and a contact sheet of some of them.
    """

    labels: Place | None = None
    face_masks: Place | None = None
    masked_images: Place | None = None
    views: Place | None = None


class PreparedImage(NamedTuple):
    """An image, RGB uint8 (H, W, 3), what `prepare` returned for it, and the row of its files."""

    file: ImageFile
    image: np.ndarray
    prepared: np.ndarray
    inputs: InputRow | None


# The result of `infer` for an image: the label map, or the weak mask if a GPU computed it.
LabelMapOrWeakMask = Union[np.ndarray, "WeakOnGpu"]


class WeakWork(Work[PreparedImage, LabelMapOrWeakMask]):
    """The steps from the file of an image to its weak mask.

    Parameters
    ----------
    address_of : callable
        Returns the path or address of an image as text.
    read : sequence of Place
        Folders of images.
    parser : FaceParser
        Finds the faces.
    texture : TextureSettings
        How texture maps are computed.
    results : WeakResults
        The folders to fill.
    """

    results: "WeakResults"

    def __init__(
        self,
        address_of: Callable[[ImageFile], str],
        read: Sequence[Place],
        parser: FaceParser,
        texture: TextureSettings,
        results: "WeakResults",
    ) -> None:
        super().__init__(read, results)
        self.address_of = address_of
        self.parser = parser
        self.texture = texture
        self._gpu_weak_masks: GpuWeakMasks | None = None  # made by each process for itself

    def inputs(self, file: ImageFile) -> Sequence[Candidates]:
        """Return the image, and what the parser reads for it."""
        return weak_inputs(self.address_of(file), self.parser, file.image_id)

    @property
    def batch_size(self) -> int:
        """The batch size that the parser prefers."""
        return self.parser.batch_size

    def load(self, file: ImageFile) -> PreparedImage:
        """Read an image and prepare it for the parser."""
        reading = Reading(self.inputs(file))
        image = read_image(parse_place(self.address_of(file)))
        prepared = self.parser.prepare(image, file.image_id)
        return PreparedImage(file, image, prepared, reading.row())

    def infer(self, batch: list[PreparedImage]) -> list[LabelMapOrWeakMask]:
        """Return label maps, or weak masks where a GPU has the images and can compute these."""
        prepared = [loaded.prepared for loaded in batch]
        gpu_batch = self.parser.on_gpu(prepared) if self._may_use_gpu else None
        if gpu_batch is None:
            return list(self.parser.label_maps(prepared))
        if self._gpu_weak_masks is None:
            from .gpu_texture import GpuWeakMasks  # loads torch

            self._gpu_weak_masks = GpuWeakMasks(self.texture, self.parser.parts)
        return list(self._gpu_weak_masks(gpu_batch))

    def write(self, loaded: PreparedImage, inferred: LabelMapOrWeakMask) -> None:
        """Compute the rest of the results, and write those that were requested."""
        image, inputs = loaded.image, loaded.inputs
        if isinstance(inferred, np.ndarray):
            face = self.parser.face(inferred, image.shape[:2])
            weak_mask = partial(self.texture.weak_mask, image, face)
            self.results.write(
                loaded.file, image, face, weak_mask, label_map=inferred, inputs=inputs
            )
        else:
            computed = inferred.weak_mask
            self.results.write(loaded.file, image, inferred.face(), lambda: computed, inputs=inputs)

    @property
    def _may_use_gpu(self) -> bool:
        """Whether weak masks can be computed without label maps leaving the GPU."""
        return self.results.labels is None and self.texture.formula.levels_on_gpu is not None


def weak_inputs(address: str, parser: FaceParser, image_id: str) -> Sequence[Candidates]:
    """Return the files that the results of an image are made from."""
    return ((address,), *parser.inputs(image_id))


class WeakResults:
    """The folders that a run fills, and the file in each of them that belongs to an image.

    Parameters
    ----------
    out : Place
        Gets the weak masks.
    by_products : ByProducts
        Folders of the by-products to keep.
    parser, texture
        Settings that the results depend on, for their records.
    id_folders : collection of str
        As `OutputFolder`.
    overwrite : bool
        Replace existing results.
    stack : ExitStack
        Holds the folders open, so that no other run writes to them.

    Raises
    ------
    OutputError
        A folder cannot be written, or holds results of different settings.
    """

    def __init__(
        self,
        out: Place,
        by_products: ByProducts,
        parser: FaceParser,
        texture: TextureSettings,
        *,
        id_folders: Collection[str],
        overwrite: bool,
        stack: ExitStack,
    ) -> None:
        weights = f" {parser.weights_sha256[:12]}" if parser.weights_sha256 else ""
        face_by = f"face by {parser.note}{weights}"
        parsing = parser.settings()

        def opened(path: Place, title: str, settings: dict[str, Any]) -> OutputFolder:
            note = f"{title}; {face_by}; ffhq-wrinkle build-weak"
            folder = OutputFolder(
                path, settings, note=note, id_folders=id_folders, overwrite=overwrite
            )
            return stack.enter_context(folder)

        def opened_if_kept(
            path: Place | None, title: str, settings: dict[str, Any] = parsing
        ) -> OutputFolder | None:
            return opened(path, title, settings) if path else None

        self.overwrite = overwrite
        self._no_face = parser.no_face
        made_with = {**asdict(texture), **parsing}
        self.weak = opened(out, f"masked texture map; {texture}", made_with)
        self._by_products = by_products != ByProducts()
        self.labels = opened_if_kept(by_products.labels, "label map")
        self.face_masks = opened_if_kept(by_products.face_masks, "face mask")
        self.masked_images = opened_if_kept(by_products.masked_images, "face, masked")
        self.views = opened_if_kept(
            by_products.views, f"masked texture map, stretched; {texture}", made_with
        )

    @property
    def input_tables(self) -> list[InputTable]:
        """The tables of the files that results were made from, one for each folder."""
        return [folder.inputs for folder in self._folders()]

    def complete(self, file: ImageFile) -> bool:
        """Return whether every requested result of this image exists."""
        # The weak mask first and alone, since there may be a million.
        if self.weak.state(file.mirrored(".png")) is not State.OURS:
            return False
        return not self._by_products or all(
            folder.state(name) is State.OURS for folder, name in self._places(file)
        )

    def write(
        self,
        file: ImageFile,
        image: np.ndarray,
        face: np.ndarray,
        weak_mask: Callable[[], np.ndarray],
        label_map: np.ndarray | None = None,
        inputs: InputRow | None = None,
    ) -> None:
        """Compute and write the results that are not in their folders yet, the weak mask last.

        Parameters
        ----------
        file, image
            An image, RGB uint8 (H, W, 3), and its file.
        face : np.ndarray
            Where the face is: bool, (H, W).
        weak_mask : callable
            Computes the weak mask, uint8 (H, W).
        label_map : np.ndarray, optional
            uint8, (512, 512); needed where label maps are kept.
        inputs : InputRow, optional
            The files that the results are made from.

        Raises
        ------
        ParsingError
            There is no face, so the weak mask would be empty.
        """
        if not face.any():
            raise ParsingError(f"no face found: {self._no_face}")
        weak_mask = cache(weak_mask)
        makers: dict[OutputFolder | None, Callable[[], np.ndarray]] = {
            self.views: lambda: weak_view(image, weak_mask()),
            self.face_masks: lambda: face * np.uint8(255),
            self.masked_images: lambda: image * face[:, :, None],
            self.weak: weak_mask,
        }
        if label_map is not None:
            makers[self.labels] = lambda: label_map
        for folder, name in self._places(file):
            if folder.state(name) is not State.OURS:
                result = makers[folder]()
                if inputs:
                    folder.inputs.note(file.image_id, inputs)
                folder.write(name, result)

    def _places(self, file: ImageFile) -> Iterator[tuple[OutputFolder, str]]:
        """Yield the results of an image, each as its folder and its name there."""
        if self.labels:
            yield self.labels, f"{file.image_id}.npy"
        for folder in (self.face_masks, self.masked_images):
            if folder:
                yield folder, f"{file.image_id}.png"
        if self.views:
            yield self.views, f"{file.image_id}.jpg"
        yield self.weak, file.mirrored(".png")

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Mark each folder as under way; by now all of them have been checked."""
        for folder in self._folders():
            folder.begin(makes=bool(todo))

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the results of images whose input files have been replaced."""
        for file in files:
            for folder, name in self._places(file):
                folder.remove(name)
                folder.inputs.discard(file.image_id)

    def require_shared(self) -> None:
        """Refuse, in a worker's copy, folders that are not those of the run."""
        for folder in self._folders():
            folder.require_shared()

    def remove_partials(self) -> None:
        """Remove files that were left half written."""
        for folder in self._folders():
            folder.remove_partials()

    def finish(self, made: int) -> None:
        """Write the contact sheet, and each folder's record, that of the weak masks last."""
        if self.views:
            self._write_sheet(self.views)
        for folder in self._folders():
            folder.finish({"command": "build-weak", "version": __version__}, made=made > 0)

    @staticmethod
    def _write_sheet(views: OutputFolder) -> None:
        """Write a contact sheet of some views, evenly chosen among all by id."""
        names = sorted(views.results(), key=id_of_path)
        shown = names[:: max(1, -(-len(names) // _ON_SHEET))]
        pictures = [
            (id_of_path(name), read_named(views.path / name, read_image, name=name))
            for name in shown
        ]
        if pictures:
            sheet = contact_sheet(pictures, columns=_SHEET_COLUMNS, height=_SHEET_HEIGHT)
            write_bytes(views.path / SHEET, encode_jpeg(sheet, views.note))

    def _folders(self) -> list[OutputFolder]:
        folders = (self.labels, self.face_masks, self.masked_images, self.views, self.weak)
        return [folder for folder in folders if folder]
