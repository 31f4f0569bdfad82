"""Files: hashes of downloaded files, and of the weights of networks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..dataset.layout import IMAGES_FOLDER, WEAK_MASKS_FOLDER
from ..dataset.sources import source
from ..downloads.metadata import read_facts
from ..downloads.verification import Expected, file_hashes, problem
from ..errors import SourceError
from ..segmentation.checkpoints.official import OFFICIAL
from .checks import Check, absent, command
from .data_files import DataFiles
from .published import Published

GROUP = "Files"
PHOTO, WEAK_MASK = "photograph of {}", "weak mask of {}"
LABEL_MAP, CHECKPOINT = "label map of {}", "checkpoint {}"
WEIGHTS = "BiSeNet's weights"
_SHOWN = 12  # characters of a hash


def file_checks(files: DataFiles, published: Published, weights: Path | None) -> Iterator[Check]:
    """Yield a check for each file with a known hash.

    Parameters
    ----------
    files : DataFiles
        The data set.
    published : Published
        The known hashes; those of label maps, checkpoints and weights are in `sources.toml`.
    weights : Path, optional
        BiSeNet's weights; those in the cache if not given.
    """
    known = published.sources["third-party"]
    yield _photo_check(files, published)
    yield hash_check(
        WEAK_MASK.format(published.sample),
        files.weak.get(published.sample, files.data / WEAK_MASKS_FOLDER),
        published.weak_sha256,
        source=known,
        get=command("download labels DATA --only weak", files.data),
    )
    yield from _known_elsewhere(files, published, weights)


def _photo_check(files: DataFiles, published: Published) -> Check:
    """Return the check of the sample's photograph, by its file or by its pixels."""
    sample = published.sample
    path = files.images.get(sample, files.data / IMAGES_FOLDER)
    by_file = hash_check(
        PHOTO.format(sample),
        path,
        published.photo_sha256,
        source=published.sources["third-party"],
        get=command(f"download images DATA --ids {sample}", files.data),
    )
    if by_file.state != "different":
        return by_file
    # A mirror may have compressed the same pixels again; FFHQ's metadata have a hash of them.
    fact = read_facts(files.data).get(sample)
    if fact is None:
        get = command("download metadata DATA", files.data)
        note = f"{by_file.note}. If a mirror compressed it again, {get} lets its pixels be checked"
        return replace(by_file, note=note)
    trouble = problem(path, Expected(pixel_md5=fact.pixel_md5))
    if trouble is None:
        note = "another file, with the pixels that FFHQ's metadata have a hash of"
        return replace(by_file, state="equal", note=note)
    return replace(by_file, note=f"{by_file.note}; {trouble}")


def _known_elsewhere(
    files: DataFiles, published: Published, weights: Path | None
) -> Iterator[Check]:
    sample = published.sample
    label_map = files.label_map(sample) or files.data / "face_parsed_labels" / f"{sample}.npy"
    yield _source_check(
        LABEL_MAP.format(sample), label_map, "face-parsed-labels", f"{sample}.npy",
        command("download labels DATA --only parsed", files.data),
    )  # fmt: skip
    get = command("download checkpoints DATA", files.data)
    for name, member in OFFICIAL.items():
        path = files.checkpoint(name) or files.data / "checkpoints" / member
        yield _source_check(CHECKPOINT.format(name), path, "checkpoints", member, get)
    get = command("download weights DATA", files.data)
    yield _source_check(WEIGHTS, weights or source("bisenet").cached, "bisenet", None, get)


def _source_check(name: str, path: Path, entry: str, member: str | None, get: str) -> Check:
    """Return the check of a file, or member of an archive, that `sources.toml` has a hash of."""
    try:
        known = source(entry)
        expected = known.members.get(member) if member else known.sha256
    except SourceError:  # a user's own table may lack it
        expected = None
    return hash_check(name, path, expected, source="the table of sources", get=get)


def hash_check(name: str, path: Path, expected: str | None, *, source: str, get: str) -> Check:
    """Return the check of a file by its SHA-256."""
    if expected is None or not path.is_file():
        wanted = _short(expected) if expected else "no hash is known"
        return absent(GROUP, name, expected=wanted, source=source, get=get)
    try:
        sha256 = file_hashes(path, "sha256")["sha256"]
    except OSError as error:
        sha256 = error.strerror or str(error)
    equal = sha256 == expected
    return Check(
        group=GROUP,
        name=name,
        expected=_short(expected),
        source=source,
        state="equal" if equal else "different",
        found=_short(sha256),
        note="" if equal else f"{path} has SHA-256 {sha256}; delete it, then {get}",
    )


def _short(sha256: str) -> str:
    return f"SHA-256 {sha256[:_SHOWN]}..."
