"""Parsing: the face parsers that exist, and how one is created by its name.

`PARSERS` is the only list of them, and a new parser is one entry in it: a subclass of
`labels.FaceParser` and a function that creates it. Commands offer the names in the table, so
importing this module loads no numerical library.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError, SourceError

if TYPE_CHECKING:
    from ..storage.places import Place
    from .bisenet import Engine
    from .labels import FaceParser

log = logging.getLogger(__name__)

AUTO = "auto"  # BiSeNet if its weights can be had, otherwise the face mesh


@dataclass(frozen=True, kw_only=True)
class ParserSettings:
    """Settings of face parsers; `create_parser` describes each.

    A parser ignores the device, batch size and engine if it has no network.
    """

    weights: Path | None = None
    labels: "Place | None" = None
    images: "Place | None" = None
    device: str = "auto"
    batch_size: int | None = None
    engine: "Engine" = "auto"


@dataclass(frozen=True, kw_only=True)
class ParserSpec:
    """A face parser that users can choose.

    Parameters
    ----------
    name : str
        Name in options and records.
    description : str
        A few words for the help of ``--parser``.
    create : callable
        Creates the parser.
    takes_weights, takes_labels : bool
        Whether weights or a folder of label maps can be given to it.
    """

    name: str
    description: str
    create: "Callable[[ParserSettings], FaceParser]"
    takes_weights: bool = False
    takes_labels: bool = False


def require_device(device: str) -> None:
    """Refuse a device that this machine lacks; PyTorch, which knows, is slow to load.

    Raises
    ------
    ArgumentError
        As `inference.devices.choose_device`.
    """
    if device not in ("auto", "cpu"):
        from ..inference.devices import choose_device

        choose_device(device)


def _bisenet(settings: ParserSettings) -> "FaceParser":
    from ..dataset.sources import fetch_weights

    path = settings.weights or fetch_weights(
        "bisenet",
        "BiSeNet's",
        "name it with --weights FILE, or use --parser labels or --parser mesh, which need no "
        "weights",
    )
    from .bisenet import BiSeNetParser  # loads PyTorch, which takes seconds: only with weights

    return BiSeNetParser(
        path, device=settings.device, batch_size=settings.batch_size, engine=settings.engine
    )


def _ready_labels(settings: ParserSettings) -> "FaceParser":
    from .ready_labels import ReadyLabels, released_labels

    return ReadyLabels(settings.labels or released_labels(settings.images))


def _mesh(settings: ParserSettings) -> "FaceParser":
    from .mesh_parser import MeshParser

    return MeshParser()


PARSERS: dict[str, ParserSpec] = {
    parser.name: parser
    for parser in (
        ParserSpec(
            name="bisenet",
            description="the trained network",
            create=_bisenet,
            takes_weights=True,
        ),
        ParserSpec(
            name="labels",
            description="existing label maps",
            create=_ready_labels,
            takes_labels=True,
        ),
        ParserSpec(
            name="mesh",
            description="outlines of a face mesh that comes with the package",
            create=_mesh,
        ),
    )
}


def create_parser(
    name: str = AUTO,
    *,
    weights: Path | None = None,
    labels: "Place | None" = None,
    images: "Place | None" = None,
    device: str = "auto",
    batch_size: int | None = None,
    engine: "Engine" = "auto",
    parts: str | None = None,
) -> "FaceParser":
    """Create a face parser.

    Parameters
    ----------
    name : {"auto", "bisenet", "labels", "mesh"}
        ``auto`` is BiSeNet if its weights are given, are in the cache or can be downloaded.
        Otherwise it is the face mesh, and a warning is logged.
    weights : Path, optional
        BiSeNet's weights; fetched into the cache if not given.
    labels : Place, optional
        Folder of existing label maps. Default: the folder of the released layout beside `images`.
    images : Place, optional
        Folder of the images.
    device, batch_size
        Device that BiSeNet runs on, and number of images that it parses at once.
    engine : {"auto", "torch", "ncnn"}
        Backend for BiSeNet; see `bisenet.BiSeNetParser`.
    parts : str, optional
        Classes of `labels.CLASSES` that are face, separated by commas; skin and nose if not given.

    Returns
    -------
    FaceParser

    Raises
    ------
    ArgumentError
        A setting belongs to another parser, a required setting is missing, this machine lacks the
        device, or the parser does not label a part.
    SourceError
        BiSeNet's weights are neither given nor in the cache and cannot be fetched, or they are not
        the right ones.
    """
    if parts is not None:
        from .labels import parse_parts

        parse_parts(parts)  # before weights are downloaded
    if name == AUTO:
        name = "bisenet" if weights or labels or _has_bisenet() else "mesh"
    if name not in PARSERS:
        raise ArgumentError(f"parser is {name!r}; choose one of {', '.join([AUTO, *PARSERS])}")
    if weights and not PARSERS[name].takes_weights:
        owners = ", ".join(parser.name for parser in PARSERS.values() if parser.takes_weights)
        raise ArgumentError(f"weights belong to the parser {owners}, not to {name}")
    if labels and not PARSERS[name].takes_labels:
        owners = ", ".join(parser.name for parser in PARSERS.values() if parser.takes_labels)
        raise ArgumentError(f"a folder of label maps belongs to the parser {owners}, not to {name}")
    require_device(device)  # before weights are downloaded, and for parsers that use none, too
    parser = PARSERS[name].create(
        ParserSettings(
            weights=weights,
            labels=labels,
            images=images,
            device=device,
            batch_size=batch_size,
            engine=engine,
        )
    )
    if parts is not None:
        parser.choose_parts(parts)
    return parser


def _has_bisenet() -> bool:
    """Return whether BiSeNet's weights are in the cache or can be downloaded; log if not.

    A damaged file in the cache counts: the parser names it, and how to replace it.
    """
    from ..dataset.sources import source

    published = source("bisenet")
    if published.cached.exists():
        return True
    trouble = _download_trouble(published.name, published.url, published.cached)
    if trouble:
        log.warning(
            "%s. Faces are found by the parser mesh; BiSeNet would also recognise hair, hats and "
            "glasses (--weights FILE, or --parser mesh without this message)",
            trouble,
        )
    return not trouble


@lru_cache
def _download_trouble(name: str, url: str, cached: Path) -> str | None:
    """Download a source from its URL into the cache, and return why that failed.

    Each URL and place in the cache is tried only once in a process: without a network, a try takes
    seconds.
    """
    from ..dataset.sources import fetch, source

    try:
        fetch(source(name))
    except SourceError as error:
        return str(error)
    return None
