"""Official: the checkpoints that the authors published, recognised by hash and fetched once."""

from pathlib import Path, PurePosixPath

from ...dataset.sources import cache_folder, source
from ...downloads.archive_download import download_archive
from ...downloads.data_set import DataSet
from ...errors import ArgumentError, SourceError

# The networks of stage 2, as members of the published archive.
OFFICIAL = {
    "official-unet": "stage2_wrinkle_finetune_unet/stage2_unet.pth",
    "official-swin-unetr": "stage2_wrinkle_finetune_swinunetr/stage2_swinunetr.pth",
}

# Best networks in a folder of `train`, the last stage first, or in the folder of one stage.
_BEST_OF_RUN = ("finetune/best.pt", "pretrain/best.pt", "best.pt")


def official_checkpoint(name: str) -> Path:
    """Return a published checkpoint from the cache, after fetching it if necessary.

    Parameters
    ----------
    name : str
        ``official-unet`` or ``official-swin-unetr``.

    Returns
    -------
    Path
        The file; `load_checkpoint` verifies it.

    Raises
    ------
    ArgumentError
        There is no such checkpoint.
    SourceError
        It is not in the cache and cannot be fetched; the error says where to put it.
    """
    if name not in OFFICIAL:
        raise ArgumentError(f"checkpoint is {name!r}; choose one of {', '.join(OFFICIAL)}")
    folder = cache_folder() / "official"
    path = folder / "checkpoints" / OFFICIAL[name]
    if path.is_file():
        return path
    try:
        with DataSet(folder) as cached:
            report = download_archive(cached, "checkpoints")
        trouble = report.summary() if report.failed else "the archive lacks it"
    except SourceError as error:
        trouble = str(error)
    if not path.is_file():
        raise SourceError(
            f"the checkpoint {name} cannot be fetched ({trouble}). Put {path.name} into "
            f"{path.parent}, or name the file with --checkpoint FILE"
        )
    return path


def checkpoint_path(text: str) -> Path:
    """Return the file that a user names by its path, by its run or as a published checkpoint.

    In a folder of `train` it is the best network of the last stage that has one.

    Raises
    ------
    ArgumentError, SourceError
        As `official_checkpoint`, or there is no such file.
    """
    path = Path(text)
    if text in OFFICIAL and not path.exists():
        return official_checkpoint(text)
    if path.is_dir():
        best = [path / name for name in _BEST_OF_RUN if (path / name).is_file()]
        if not best:
            raise ArgumentError(f"{path} is not a run of `train` with a {_BEST_OF_RUN[0]}")
        return best[0]
    if not path.is_file():
        raise ArgumentError(
            f"there is no checkpoint {text}; name a file, a folder of `train`, or one of "
            f"{', '.join(OFFICIAL)}"
        )
    return path


def is_official(path: Path, sha256: str) -> bool:
    """Tell whether a file with this SHA-256 is a published checkpoint.

    Raises
    ------
    SourceError
        The file has the name of a published checkpoint, but is not one.
    """
    try:
        published = source("checkpoints").members
    except SourceError:  # a user's own table of sources may lack them
        return False
    if sha256 in published.values():
        return True
    if path.name in {PurePosixPath(member).name for member in published}:
        raise SourceError(
            f"{path} has the name of a published checkpoint, but its SHA-256 is {sha256}: it is "
            "damaged or a different file. Delete it and fetch it again, or, if it is your own, "
            "rename it."
        )
    return False
