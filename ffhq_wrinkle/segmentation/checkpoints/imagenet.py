"""ImageNet: weights that torchvision trained on ImageNet-1K, carried into two networks' encoders.

Torchvision's networks take images normalised by ImageNet's mean and standard deviation, ours take
-1..1. The difference is folded into the first layer, so nothing has to be normalised differently.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ...dataset.sources import fetch_weights, source
from ...errors import ArgumentError, SourceError
from ...inference.weights import load_strictly, named_tensors, read_weights
from ...storage.writing import sha256_of
from ..networks.catalogue import NetworkName, described
from ..networks.sized import SizedNetwork
from .encoders import RGB, fitted
from .pretrained import Carried

# Names in the table of sources.
IMAGENET_WEIGHTS: dict[NetworkName, str] = {
    "unet_resnet50": "imagenet-resnet50",
    "swin_unetr_96": "imagenet-swin-t",
}
# What an experiment calls it to begin with random weights in their place, for tests.
STAND_IN = "random-stand-in"


def load_imagenet(
    model: SizedNetwork, network: NetworkName, weights: Path | None = None
) -> Carried:
    """Give a network's encoder the weights that torchvision publishes for ImageNet-1K.

    `carry_imagenet` says what is made of them. They are version 1 of ResNet-50 [1]_ and Swin-T
    [2]_: classifiers trained on nothing but ImageNet-1K's training images.

    Parameters
    ----------
    model : SizedNetwork
        As `catalogue.create_model` makes it; changed in place.
    network : {"unet_resnet50", "swin_unetr_96"}
        Its name.
    weights : Path, optional
        The published file, read as weights only; if not given, that in the cache, fetched once.

    Returns
    -------
    Carried
        Every tensor of the model and of the file, by name.

    Raises
    ------
    ArgumentError
        There are no such weights for the network, it is another one, or it has no three channels
        for R, G and B.
    SourceError
        The file can not be fetched or read, or its SHA-256 is not the published one; nothing was
        changed.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. CVPR 2016.
    .. [2] Liu et al. Swin Transformer: Hierarchical Vision Transformer using Shifted Windows.
       ICCV 2021.
    """
    _require_weights_for(model, network)
    path = _verified(network, weights)
    return carry_imagenet(model, network, named_tensors(read_weights(path)), origin=path)


def carry_imagenet(
    model: SizedNetwork,
    network: NetworkName,
    state: Mapping[str, torch.Tensor],
    *,
    origin: Path | str = "the ImageNet checkpoint",
) -> Carried:
    """Carry the weights of torchvision's classifier into the encoder of a network.

    Common to both: the first convolution is scaled to inputs of -1..1, and has 0 for a fourth
    channel, the texture map. What the decoder and the skips have is left as it was; the
    classifier's last layer is not used.

    - ResNet-50: all of the encoder. Its first convolution has no bias to take the shift of the
      input, but batch normalisation follows, whose running mean takes it. In training that mean
      is not used, but neither is the shift: the batch's own mean removes it. What remains is that
      the convolution's own border of 0 is mid-grey here, and was ImageNet's mean.
    - Swin-T: patch embedding, the two blocks of each stage, and the patch mergings between them.
      Of the six blocks of stage 3 it is the first two: they follow each other and have the shift
      of windows that they had. Relative position tables are resized from windows of 7 to windows
      of 16 by bicubic interpolation. A fourth patch merging, which the classifier lacks, is left
      as it was. Torchvision normalises the patches' features, MONAI does not: the centring, the
      weights and the biases of that normalisation are folded into the patch embedding; only the
      division by each patch's own standard deviation is lost.

    Parameters
    ----------
    model : SizedNetwork
        As `catalogue.create_model` makes it; changed in place.
    network : {"unet_resnet50", "swin_unetr_96"}
        Its name.
    state : mapping
        All named tensors of torchvision's ``resnet50`` or ``swin_t``.
    origin
        Where they are from, for errors.

    Returns
    -------
    Carried
        Every tensor of the model and of the weights, by name.

    Raises
    ------
    ArgumentError
        There are no such weights for the network, it is another one, or it has no three channels
        for R, G and B.
    SourceError
        The weights are of another network; nothing was changed.
    """
    _require_weights_for(model, network)
    classifier = _classifier(network, device="meta").to_empty(device="cpu")
    load_strictly(classifier, state, source=origin, title=f"ImageNet's weights for {network}")
    carried, fitting = fitted(network, model.state_dict(), state)
    load_strictly(
        model, {**model.state_dict(), **fitting}, source=origin, title=f"weights for {network}"
    )
    return carried


def imagenet_stand_in(network: NetworkName, seed: int) -> dict[str, torch.Tensor]:
    """Random weights in place of ImageNet's, for tests: `carry_imagenet` takes them.

    Parameters
    ----------
    network : {"unet_resnet50", "swin_unetr_96"}
        Which network they are for.
    seed : int
        The same seed gives the same weights.

    Returns
    -------
    dict of str to torch.Tensor
        Names, shapes and the distributions at the start of torchvision's classifier.

    Raises
    ------
    ArgumentError
        There are no such weights for the network.

    Examples
    --------
    >>> imagenet_stand_in("unet_resnet50", 0)["conv1.weight"].shape
    torch.Size([64, 3, 7, 7])
    """
    _require_name(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(_classifier(network, device="cpu").state_dict())


def _classifier(network: NetworkName, *, device: str) -> nn.Module:
    """Torchvision's network, with random weights or, on the device "meta", with none."""
    from torchvision import models

    make = models.resnet50 if network == "unet_resnet50" else models.swin_t
    with torch.device(device):
        classifier: nn.Module = make(weights=None)
    return classifier


def _verified(network: NetworkName, weights: Path | None) -> Path:
    """The published file."""
    name = IMAGENET_WEIGHTS[network]
    if weights is None:
        return fetch_weights(name, "ImageNet's", "name the file with --initial-weights FILE")
    published = source(name)
    if not weights.is_file():
        raise SourceError(f"{weights}: no such file")
    found = sha256_of(weights)
    if found != published.sha256:
        raise SourceError(
            f"{weights} is damaged or not {published.file}: its SHA-256 is {found}, published is "
            f"{published.sha256}"
        )
    return weights


def _require_weights_for(model: SizedNetwork, network: NetworkName) -> None:
    _require_name(network)
    if described(model.state_dict())[0] != network:
        raise ArgumentError(f"the network that is to have ImageNet's weights is no {network}")
    if model.in_channels < RGB:
        raise ArgumentError(
            f"ImageNet's weights are for R, G and B; the network has {model.in_channels} channels"
        )


def _require_name(network: NetworkName) -> None:
    if network not in IMAGENET_WEIGHTS:
        raise ArgumentError(
            f"there are no ImageNet weights for {network}, only for {', '.join(IMAGENET_WEIGHTS)}"
        )
