"""ImageNet: weights that torchvision trained on ImageNet-1K, for the encoders of two networks.

Torchvision's networks take images normalised by ImageNet's mean and standard deviation, ours take
-1..1. The difference is folded into the first layer, so inputs need no other normalisation.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from ...dataset.sources import fetch_weights, source
from ...errors import ArgumentError, SourceError
from ...inference.weights import load_strictly, named_tensors, read_weights
from ...storage.writing import sha256_of
from ..networks.catalogue import NETWORKS, network_spec
from ..networks.sized import SizedNetwork
from .encoders import CLASSIFIERS, RGB, Classifier, encoder_weights
from .weight_transfer import WeightTransfer

# Name of the initial weights in recipes that replaces ImageNet's by random ones, for tests.
STAND_IN = "random-stand-in"


def load_imagenet(model: SizedNetwork, network: str, weights: Path | None = None) -> WeightTransfer:
    """Give a network's encoder the weights that torchvision publishes for ImageNet-1K.

    They are version 1 of ResNet-50 [1]_ and Swin-T [2]_: classifiers trained on nothing but
    ImageNet-1K's training images. `transfer_imagenet` says what is done with them.

    Parameters
    ----------
    model : SizedNetwork
        As `catalogue.create_model` makes it; changed in place.
    network : {"unet_resnet50", "swin_unetr_96"}
        Its name.
    weights : Path, optional
        The published file, read as weights only; if not given, the one in the cache, which is
        fetched once.

    Returns
    -------
    WeightTransfer
        Every tensor of the model and of the file, by name.

    Raises
    ------
    ArgumentError
        There are no such weights for the network, the model is another network, does not have its
        default features, or lacks the three channels of R, G and B.
    SourceError
        The file cannot be fetched or read, or its SHA-256 is not the published one; nothing was
        changed.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun. Deep Residual Learning for Image Recognition. CVPR 2016.
    .. [2] Liu et al. Swin Transformer: Hierarchical Vision Transformer using Shifted Windows.
       ICCV 2021.
    """
    classifier = _classifier_for(network)
    features = _require_network(model, network)
    default = NETWORKS[network].features
    if features != default:
        raise ArgumentError(
            f"ImageNet's weights are for {network} with {default} features; the network has "
            f"{features}"
        )
    path = _verified(classifier, weights)
    return transfer_imagenet(model, network, named_tensors(read_weights(path)), origin=path)


def transfer_imagenet(
    model: SizedNetwork,
    network: str,
    state: Mapping[str, torch.Tensor],
    *,
    origin: Path | str = "the ImageNet checkpoint",
) -> WeightTransfer:
    """Transfer the weights of torchvision's classifier to the encoder of a network.

    In both networks the first convolution is scaled to inputs of -1..1, and has 0 for a fourth
    channel, the texture map. Tensors of the decoder and the skip connections are left as they were.
    The classifier's last layer is not used.

    - ResNet-50: the whole encoder. Its first convolution has no bias that could take the shift of
      the input, but the running mean of the batch normalisation behind it can. Training uses the
      batch's own mean instead, which removes the shift as well. One difference remains: the
      convolution pads with 0, which is mid-grey here and was ImageNet's mean.
    - Swin-T: patch embedding, two blocks of each stage, and the patch mergings between the stages.
      From the six blocks of stage 3 the first two are taken, which follow each other and have the
      shift of windows that they need. Relative position tables are resized from windows of 7 to
      windows of 16 by bicubic interpolation. A fourth patch merging, which the classifier lacks, is
      left as it was. Torchvision normalises the features of patches and MONAI does not. The
      centring, the weights and the biases of that normalisation are folded into the patch
      embedding; only the division by each patch's own standard deviation is lost.

    Parameters
    ----------
    model : SizedNetwork
        As `catalogue.create_model` makes it; changed in place.
    network : {"unet_resnet50", "swin_unetr_96"}
        Its name.
    state : mapping
        All named tensors of torchvision's ``resnet50``, or of ``swin_t`` with as many features as
        the model.
    origin : Path or str
        Name of the weights in errors.

    Returns
    -------
    WeightTransfer
        Every tensor of the model and of the weights, by name.

    Raises
    ------
    ArgumentError
        There are no such weights for the network, the model is another network, or it lacks the
        three channels of R, G and B.
    SourceError
        The weights belong to another classifier; nothing was changed.
    """
    classifier = _classifier_for(network)
    features = _require_network(model, network)
    with torch.device("meta"):
        template = classifier.make(features)
    template = template.to_empty(device="cpu")
    load_strictly(template, state, source=origin, title=f"ImageNet's weights for {network}")
    transfer, values = encoder_weights(classifier, model.state_dict(), state)
    load_strictly(
        model, {**model.state_dict(), **values}, source=origin, title=f"weights for {network}"
    )
    return transfer


def imagenet_stand_in(
    network: str, seed: int, *, features: int | None = None
) -> dict[str, torch.Tensor]:
    """Make random weights in place of ImageNet's, for tests of `transfer_imagenet`.

    Parameters
    ----------
    network : {"unet_resnet50", "swin_unetr_96"}
        The network that they are for.
    seed : int
        The same seed gives the same weights.
    features : int, optional
        Features of the network if not its default.

    Returns
    -------
    dict of str to torch.Tensor
        With the names, shapes and initial distributions of torchvision's classifier.

    Raises
    ------
    ArgumentError
        There are no such weights for the network.

    Examples
    --------
    >>> imagenet_stand_in("unet_resnet50", 0)["conv1.weight"].shape
    torch.Size([64, 3, 7, 7])
    """
    classifier = _classifier_for(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(classifier.make(features or NETWORKS[network].features).state_dict())


def _classifier_for(network: str) -> Classifier:
    name = network_spec(network).classifier
    if not name:
        able = [spec.name for spec in NETWORKS.values() if spec.classifier]
        raise ArgumentError(
            f"there are no ImageNet weights for {network}, only for {', '.join(able)}"
        )
    return CLASSIFIERS[name]


def _require_network(model: SizedNetwork, network: str) -> int | None:
    """Refuse a model that is another network or not for RGB; return its features."""
    spec = network_spec(network)
    state = model.state_dict()
    if not spec.fits(state):
        raise ArgumentError(f"ImageNet's weights are for {network}; the model is another network")
    if model.in_channels < RGB:
        raise ArgumentError(
            f"ImageNet's weights are for R, G and B; the network has {model.in_channels} channels"
        )
    return None if spec.features is None else len(state[spec.input_weight])


def _verified(classifier: Classifier, weights: Path | None) -> Path:
    """Return the published file, after fetching it or checking the one that is given."""
    if weights is None:
        return fetch_weights(
            classifier.source, "ImageNet's", "name the file with --initial-weights FILE"
        )
    published = source(classifier.source)
    if not weights.is_file():
        raise SourceError(f"{weights}: no such file")
    sha256 = sha256_of(weights)
    if sha256 != published.sha256:
        raise SourceError(
            f"{weights} is damaged or not {published.file}: its SHA-256 is {sha256}, the published "
            f"one is {published.sha256}"
        )
    return weights
