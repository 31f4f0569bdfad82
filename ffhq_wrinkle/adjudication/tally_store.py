"""Tally store: tallies of images in a file, so that a review resumes without decoding every mask.

A tally counts as long as size and time of the image's files stay the same. Only the order of the
queue and the figures beside an image follow from tallies, no decision.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import __version__
from ..human_labels.annotators import AnnotatedImage, AnnotationSettings
from ..human_labels.tallies import Tally, empty_tallies
from ..storage.writing import text_bytes, write_bytes

STORE = ".review.tallies.npz"
_KEYS = "keys"
_KEY_OCTETS = 16


class TallyStore:
    """Tallies of images without tolerances, by what they were counted from.

    Parameters
    ----------
    folder : Path
        The folder of results with the file, which need not exist.
    settings : AnnotationSettings
        How masks are read.
    annotators : int
        Number of annotators.
    """

    def __init__(self, folder: Path, settings: AnnotationSettings, annotators: int) -> None:
        self._path = folder / STORE
        self._settings = json.dumps([__version__, settings.threshold, settings.resize])
        self._keys = np.zeros(0, f"S{2 * _KEY_OCTETS}")
        self._tallies = empty_tallies(0, annotators, 0)
        self._load()

    def _load(self) -> None:
        try:
            with np.load(self._path) as stored:
                keys, tallies = stored[_KEYS], Tally(*(stored[name] for name in Tally._fields))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return
        shapes = [counts.shape[1:] for counts in self._tallies]
        if [counts.shape for counts in tallies] == [(len(keys), *shape) for shape in shapes]:
            self._keys, self._tallies = keys, tallies

    def key(self, image: AnnotatedImage) -> bytes:
        """Return the key of an image: a hash of paths, sizes and times; empty if a file is gone."""
        files: list[object] = [self._settings]
        for path in (*image.masks, image.region):
            if path is None:
                files.append(None)
                continue
            try:
                status = path.stat()
            except OSError:
                return b""
            files.append([str(path.absolute()), status.st_size, status.st_mtime_ns])
        digest = hashlib.sha256(text_bytes(json.dumps(files))).hexdigest()
        return digest[: 2 * _KEY_OCTETS].encode()

    def fill(self, keys: Sequence[bytes], tallies: Tally) -> list[int]:
        """Copy the tallies that are stored, and return the numbers of the other images.

        Parameters
        ----------
        keys : sequence of bytes
            The images' keys.
        tallies : Tally
            Tallies of these images, which are filled in place.
        """
        places = {key: place for place, key in enumerate(self._keys.tolist()) if key}
        known = [number for number, key in enumerate(keys) if key in places]
        stored = [places[keys[number]] for number in known]
        for counts, stored_counts in zip(tallies, self._tallies, strict=True):
            counts[known] = stored_counts[stored]
        return [number for number, key in enumerate(keys) if key not in places]

    def save(self, keys: Sequence[bytes], tallies: Tally, *, all_images: bool) -> None:
        """Write the tallies of images.

        Parameters
        ----------
        keys : sequence of bytes
            The images' keys.
        tallies : Tally
            Their tallies; those without pixels, of images that cannot be read, are left out.
        all_images : bool
            Whether these are all images; otherwise stored tallies of others are kept.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        new = np.array(keys, self._keys.dtype)
        counted = (tallies.pixels > 0) & (new != b"")
        kept = np.zeros(0, int) if all_images else np.flatnonzero(~np.isin(self._keys, new))
        content = io.BytesIO()
        arrays = {_KEYS: np.concatenate([self._keys[kept], new[counted]])}
        for name, stored, counts in zip(Tally._fields, self._tallies, tallies, strict=True):
            arrays[name] = np.concatenate([stored[kept], counts[counted]])
        np.savez(content, **arrays)  # type: ignore[arg-type]  # its stub takes the name of a flag
        write_bytes(self._path, content.getvalue())
