"""Weak work: what `weak.build_weak` does with each image, and the folders that it fills.

`WeakWork` takes an image through the steps of `runs.shards.Work`: read, cut out its faces and
prepare them, parse them in a batch, compute and write. `WeakResults` knows which files belong to an
image.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from .. import __version__
from ..dataset.ids import id_of_path
from ..dataset.layout import CONTACT_SHEET, ImageFile, released_path
from ..errors import ParsingError
from ..faces.face_table import TABLE, face_comment, face_rows, face_table, faces_in_photo
from ..faces.labels import FaceParser
from ..faces.views import View, Views
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


_ON_SHEET, _SHEET_COLUMNS, _SHEET_HEIGHT = 48, 4, 160
_READ_AT_ONCE = 16  # masks whose comments are read in parallel


@dataclass(frozen=True, kw_only=True)
class ByProducts:
    """Folders for intermediate results; those that are None are not kept.

    `labels` gets label maps as ``<id>.npy``, uint8 (512, 512). `face_masks` gets 0/255 PNG and
    `masked_images` RGB PNG that are black outside the face, both of the image's size. `views` gets
    JPEG that show the weak masks, see `views.weak_view`, and a contact sheet of some of them.
    `aligned` gets the faces that were cut out, RGB PNG.
    """

    labels: Place | None = None
    face_masks: Place | None = None
    masked_images: Place | None = None
    views: Place | None = None
    aligned: Place | None = None


class PreparedImage(NamedTuple):
    """An image in memory.

    Attributes
    ----------
    file : ImageFile
        Its file.
    shape : tuple of int
        Its rows and columns.
    views : list of View
        The image itself, or its faces.
    prepared : list of np.ndarray
        The result of `FaceParser.prepare` for each view.
    inputs : InputRow or None
        The row of its input files.
    """

    file: ImageFile
    shape: tuple[int, ...]
    views: list[View]
    prepared: list[np.ndarray]
    inputs: InputRow | None


# The result of `infer` for a view: the label map, or the weak mask if a GPU computed it.
LabelMapOrWeakMask = Union[np.ndarray, "WeakOnGpu"]


class WeakWork(Work[PreparedImage, list[LabelMapOrWeakMask]]):
    """The steps from the file of an image to its weak mask, or to one for each of its faces.

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
        views = self.results.faces.of(image, file.image_id)
        prepared = [self.parser.prepare(view.image, view.name) for view in views]
        return PreparedImage(file, image.shape, views, prepared, reading.row())

    def infer(self, batch: list[PreparedImage]) -> list[list[LabelMapOrWeakMask]]:
        """Return label maps, or weak masks where a GPU has the images and can compute these."""
        prepared = [of_view for loaded in batch for of_view in loaded.prepared]
        results: list[LabelMapOrWeakMask] = []
        for start in range(0, len(prepared), self.batch_size):
            results += self._inferred(prepared[start : start + self.batch_size])
        remaining = iter(results)
        return [[next(remaining) for _ in loaded.prepared] for loaded in batch]

    def _inferred(self, prepared: list[np.ndarray]) -> list[LabelMapOrWeakMask]:
        gpu_batch = self.parser.on_gpu(prepared) if self._may_use_gpu else None
        if gpu_batch is None:
            return list(self.parser.label_maps(prepared))
        if self._gpu_weak_masks is None:
            from .gpu_texture import GpuWeakMasks  # loads torch

            self._gpu_weak_masks = GpuWeakMasks(self.texture, self.parser.parts)
        return list(self._gpu_weak_masks(gpu_batch))

    def write(self, loaded: PreparedImage, inferred: list[LabelMapOrWeakMask]) -> None:
        """Compute the rest of the results, and write those that were requested."""
        self.results.begin_image(loaded)
        first, *later = zip(loaded.views, inferred, strict=True)
        # The first face is written last, because it shows that the image is done.
        for view, of_view in (*later, first):
            if isinstance(of_view, np.ndarray):
                face = self.parser.face(of_view, view.image.shape[:2])
                weak_mask = partial(self.texture.weak_mask, view.image, face)
                self.results.write(loaded, view, face, weak_mask, label_map=of_view)
            else:
                weak_mask = partial(np.asarray, of_view.weak_mask)
                self.results.write(loaded, view, of_view.face(), weak_mask)

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
    faces : Views
        Which parts of an image get weak masks.
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
        faces: Views,
        *,
        id_folders: Collection[str],
        overwrite: bool,
        stack: ExitStack,
    ) -> None:
        weights = f" {parser.weights_sha256[:12]}" if parser.weights_sha256 else ""
        face_by = f"face by {parser.note}{weights}"
        self.faces = faces
        self.is_aligned = faces.aligned_size is not None
        # Records of whole images have always been without these settings.
        parsing = {**parser.settings(), **(faces.settings() if self.is_aligned else {})}

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
        self.aligned = opened_if_kept(by_products.aligned, "face aligned as in FFHQ")

    @property
    def input_tables(self) -> list[InputTable]:
        """The tables of the files that results were made from, one for each folder."""
        return [folder.inputs for folder in self._folders()]

    def complete(self, file: ImageFile) -> bool:
        """Return whether every requested result of this image exists."""
        # The weak mask first and alone, since there may be a million.
        first = self.faces.names(file.image_id, 1)[0]
        weak = self._weak_path(file, first)
        if self.weak.state(weak) is not State.OURS:
            return False
        names = [first]
        if self.faces.all_faces:
            names = self.faces.names(file.image_id, faces_in_photo(self.weak.comment(weak)))
        elif not self._by_products:
            return True
        return all(
            folder.state(path) is State.OURS
            for name in names
            for folder, path in self._places(file, name)
        )

    def begin_image(self, loaded: PreparedImage) -> None:
        """Before the results of an image are written, remove those of faces that it has no more."""
        if self.overwrite and self.is_aligned:
            self._remove_faces(loaded.file, kept=len(loaded.views))

    def write(
        self,
        loaded: PreparedImage,
        view: View,
        face: np.ndarray,
        weak_mask: Callable[[], np.ndarray],
        label_map: np.ndarray | None = None,
    ) -> None:
        """Compute and write the results that are not in their folders yet, the weak mask last.

        Parameters
        ----------
        loaded : PreparedImage
            An image.
        view : View
            The image itself, or one of its faces.
        face : np.ndarray
            Where the face is in the view: bool, (H, W).
        weak_mask : callable
            Computes the weak mask, uint8 (H, W).
        label_map : np.ndarray, optional
            uint8, (512, 512); needed where label maps are kept.

        Raises
        ------
        ParsingError
            There is no face, so the weak mask would be empty.
        """
        if not face.any():
            raise ParsingError(f"no face found: {self._no_face}")
        weak_mask = cache(weak_mask)
        makers: dict[OutputFolder | None, Callable[[], np.ndarray]] = {
            self.views: lambda: weak_view(view.image, weak_mask()),
            self.face_masks: lambda: face * np.uint8(255),
            self.masked_images: lambda: view.image * face[:, :, None],
            self.aligned: lambda: view.image,
            self.weak: weak_mask,
        }
        if label_map is not None:
            makers[self.labels] = lambda: label_map
        for folder, path in self._places(loaded.file, view.name):
            if folder.state(path) is not State.OURS:
                result = makers[folder]()
                if loaded.inputs:
                    folder.inputs.note(loaded.file.image_id, loaded.inputs)
                comment = ""
                if self.is_aligned and path.endswith(".png"):
                    comment = face_comment(view, loaded.file, loaded.shape, len(loaded.views))
                folder.write(path, result, comment=comment)

    def _weak_path(self, file: ImageFile, name: str) -> str:
        """Return the path of a weak mask in its folder."""
        return released_path(name, ".png") if self.is_aligned else file.mirrored(".png")

    def _places(self, file: ImageFile, name: str) -> Iterator[tuple[OutputFolder, str]]:
        """Yield the results of an image or a face, each as its folder and its path there."""
        if self.labels:
            yield self.labels, f"{name}.npy"
        for folder in (self.face_masks, self.masked_images, self.aligned):
            if folder:
                yield folder, f"{name}.png"
        if self.views:
            yield self.views, f"{name}.jpg"
        yield self.weak, self._weak_path(file, name)

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Mark each folder as under way; by now all of them have been checked."""
        for folder in self._folders():
            folder.begin(makes=bool(todo))

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the results of images whose input files have been replaced."""
        for file in files:
            self._remove_faces(file, kept=0)
            for folder in self._folders():
                folder.inputs.discard(file.image_id)

    def _remove_faces(self, file: ImageFile, *, kept: int) -> None:
        """Remove the results of the faces of an image after the first ones."""
        removed: list[tuple[OutputFolder, str]] = []
        for number in count(kept + 1):
            names = self.faces.names(file.image_id, number)
            if len(names) < number:
                break
            places = list(self._places(file, names[-1]))
            removed += places
            # The first face is written last, and may be missing where later ones are not.
            if number > 1 and self.weak.look(places[-1][1]) is State.ABSENT:
                break
        # If removing them is interrupted, the next run removes the others.
        for folder, path in reversed(removed):
            folder.remove(path)

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
        if self.is_aligned:
            paths = sorted(self.weak.current_results(), key=id_of_path)
            with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
                rows = face_rows(pool.map(self.weak.comment, paths))
            write_bytes(self.weak.path / TABLE, face_table(rows))
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
            write_bytes(views.path / CONTACT_SHEET, encode_jpeg(sheet, views.note))

    def _folders(self) -> list[OutputFolder]:
        folders = (
            *(self.labels, self.face_masks, self.masked_images, self.views, self.aligned),
            self.weak,
        )
        return [folder for folder in folders if folder]
