"""Checkpoint: a network's weights in a file, and what the file says about their training.

`save_checkpoint` writes, with `torch.save`, a dict of tensors and plain values:

=========  ======================================================================================
key        value
=========  ======================================================================================
format     1, the version of this list
version    version of the package that wrote the file
network    name of the network, a key of `catalogue.NETWORKS`
model      its weights by parameter name, as ``state_dict()`` returns them
texture    how the texture maps that it was trained on were made: fields of `TextureSettings`; None
           if that is not known, or there were none
face_side  side of the faces that it was trained on, in pixels, before they were cropped
trained_on hash of the id of each image that this stage was trained on, int64, as in `trained_on`
=========  ======================================================================================

Channels and features are not recorded, because the weights show them. Training adds what resumes
it and what says how the network was made: ``stage``, ``recipe``, ``settings``, ``data_sha256``,
``faces_sha256``, ``versions`` (of the package and of libraries that wrote the file), ``trained_by``
(versions of the package that trained this stage, the earliest first), ``progress``, ``random`` and,
in `last.pt`, ``optimizer``. `load_checkpoint` also reads files with nothing but weights, such as
the authors', and files with ``side`` in place of ``face_side``: that was the side of the crops, and
counts as the side of the faces only if the faces were not cropped.
"""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ... import __version__
from ...errors import ArgumentError, SourceError
from ...inference.weights import load_strictly, named_tensors, read_weights
from ...storage.writing import sha256_of, write_bytes
from ...weak_labels.texture import REFERENCE_SIDE, RELEASED, TextureSettings
from ..networks.catalogue import NETWORKS, create_model, described
from ..networks.sized import SizedNetwork
from .official import is_official
from .trained_on import TrainedOn

_FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, and what is known about its training.

    Attributes
    ----------
    model : SizedNetwork
        On the CPU, in evaluation mode.
    network : str
        Its name, for `catalogue.create_model`.
    sha256 : str
        Hash of the file.
    official : bool
        Whether the file is one that the authors published, byte for byte.
    texture : TextureSettings or None
        How the texture maps that it was trained on were made; None if that is not recorded.
    side : int or None
        Longer side of the faces that it was trained on, in pixels; None if that is not recorded.
    aligned : bool
        Whether the faces that it was trained on were cut out of photos by `train --align`.
    trained_on : TrainedOn or None
        The images that it was trained on; None if they are not recorded.
    """

    model: SizedNetwork
    network: str
    sha256: str
    official: bool = False
    texture: TextureSettings | None = None
    side: int | None = None
    aligned: bool = False
    trained_on: TrainedOn | None = None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of this package or of the authors.

    The weights may be at the top of the file or under ``model``, and have the prefix ``module.`` of
    parallel training. They show which network they belong to, its channels and its features. A file
    with the name of a published one must have the published SHA-256.

    Parameters
    ----------
    path : Path
        A file that PyTorch wrote. It is read as weights only, and no code in it is run.

    Raises
    ------
    SourceError
        The file cannot be read, fits no network, or is not the published file whose name it has;
        the first few weights that do not fit are named.
    """
    content = read_weights(path)
    state = named_tensors(content)
    try:
        kind = described(state, recorded=_recorded(content, "network"))
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error
    sha256 = sha256_of(path)
    official = is_official(path, sha256)
    model = create_model(kind.network, kind.in_channels, kind.out_channels, features=kind.features)
    title = f"{kind.network} with {kind.in_channels} -> {kind.out_channels} channels"
    if kind.features != NETWORKS[kind.network].features:
        title += f" and {kind.features} features"
    load_strictly(model, state, source=path, title=title)
    recorded = (_recorded_texture(content, path), _recorded_side(content))
    texture, side = (RELEASED, REFERENCE_SIDE) if official else recorded
    aligned = bool(_recorded(_recorded(content, "settings"), "align"))
    trained_on = TrainedOn(published=True) if official else _recorded_images(content)
    return Checkpoint(
        model.eval(), kind.network, sha256, official, texture, side, aligned, trained_on
    )


def save_checkpoint(
    path: Path,
    model: SizedNetwork,
    network: str,
    *,
    texture: TextureSettings | None,
    side: int,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint that `load_checkpoint` reads, either completely or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    model : SizedNetwork
        The network whose weights are saved.
    network : str
        Its name.
    texture : TextureSettings or None
        How the texture maps that it was trained on were made; None if that is not known.
    side : int
        Longer side of the faces that it was trained on, in pixels, before they were cropped.
    more : mapping, optional
        Further tensors and plain values to save.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    content = {
        "format": _FORMAT,
        "version": __version__,
        "network": network,
        "texture": asdict(texture) if texture else None,
        "face_side": side,
        "model": model.state_dict(),
        **(more or {}),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def _recorded(content: object, key: str) -> object:
    """Return what a file records under a key; None if nothing."""
    return content.get(key) if isinstance(content, Mapping) else None


def _recorded_texture(content: object, path: Path) -> TextureSettings | None:
    fields = _recorded(content, "texture")
    if fields is None:
        return None
    try:
        if not isinstance(fields, Mapping):
            raise TypeError(f"it is {fields!r}")
        return TextureSettings(**fields)
    except (TypeError, ArgumentError) as error:
        raise SourceError(f"{path}: its record of the texture map is damaged: {error}") from error


def _recorded_images(content: object) -> TrainedOn | None:
    hashes = _recorded(content, "trained_on")
    if not isinstance(hashes, torch.Tensor) or hashes.dtype != torch.int64:
        return None
    return TrainedOn(frozenset(hashes.tolist()))


def _recorded_side(content: object) -> int | None:
    side = _recorded(content, "face_side")
    if side is None and not _is_cropped(content):
        side = _recorded(content, "side")
    return side if isinstance(side, int) and side > 0 else None


def _is_cropped(content: object) -> bool:
    """Return whether a file records that its network was trained on crops."""
    settings = _recorded(content, "settings")
    stage = _recorded(settings, str(_recorded(content, "stage")))
    return bool(_recorded(stage, "size"))
