"""Checkpoint: a network's weights on disk, ours or the authors', and what they were trained on."""

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
from ..networks.catalogue import NetworkName, create_model, described
from ..networks.sized import SizedNetwork
from .official import is_official

_FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, and what is known of it.

    Attributes
    ----------
    model : SizedNetwork
        On the CPU, in evaluation mode.
    network : str
        Its name, for `catalogue.create_model`.
    sha256 : str
        Of the file.
    official : bool
        Whether the file is one that the authors published, byte for byte.
    texture : TextureSettings or None
        How the texture maps were made that it was trained on; None if that is not recorded.
    side : int or None
        Of the images that it was trained on, in pixels; None if that is not recorded.
    """

    model: SizedNetwork
    network: NetworkName
    sha256: str
    official: bool = False
    texture: TextureSettings | None = None
    side: int | None = None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, of this package or of the authors.

    The weights may stand at the top of the file or under ``model``, and bear the prefix
    ``module.`` of parallel training. Which network they are of, and its channels, is told from
    them. A file that is called as a published one has to have the published SHA-256.

    Parameters
    ----------
    path : Path
        A file that PyTorch wrote; it is read as weights only, no code in it is run.

    Raises
    ------
    SourceError
        The file can not be read, is of no network that there is, or is not what its name says; of
        weights that do not fit the first few are named.
    """
    content = read_weights(path)
    state = named_tensors(content)
    try:
        network, in_channels, out_channels = described(state)
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error
    sha256 = sha256_of(path)
    official = is_official(path, sha256)
    model = create_model(network, in_channels, out_channels)
    title = f"{network} with {in_channels} -> {out_channels} channels"
    load_strictly(model, state, source=path, title=title)
    recorded = (_recorded_texture(content, path), _recorded_side(content))
    texture, side = (RELEASED, REFERENCE_SIDE) if official else recorded
    return Checkpoint(model.eval(), network, sha256, official, texture, side)


def save_checkpoint(
    path: Path,
    model: SizedNetwork,
    network: NetworkName,
    *,
    texture: TextureSettings,
    side: int,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint that `load_checkpoint` reads; it is there whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder has to be there.
    model : SizedNetwork
        Whose weights to keep.
    network : str
        Its name.
    texture : TextureSettings
        How the texture maps were made that it was trained on.
    side : int
        Of the images that it was trained on, in pixels.
    more : mapping, optional
        Tensors and plain values to keep besides.

    Raises
    ------
    OutputError
        It can not be written.
    """
    content = {
        "format": _FORMAT,
        "version": __version__,
        "network": network,
        "texture": asdict(texture),
        "side": side,
        "model": model.state_dict(),
        **(more or {}),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getvalue())


def _recorded_texture(content: object, path: Path) -> TextureSettings | None:
    """What a checkpoint of ours says of its texture maps."""
    recorded = content.get("texture") if isinstance(content, Mapping) else None
    if recorded is None:
        return None
    try:
        return TextureSettings(**recorded)
    except (TypeError, ArgumentError) as error:
        raise SourceError(f"{path}: its record of the texture map is damaged: {error}") from error


def _recorded_side(content: object) -> int | None:
    """What a checkpoint of ours says of the images that it was trained on."""
    side = content.get("side") if isinstance(content, Mapping) else None
    return side if isinstance(side, int) and side > 0 else None
