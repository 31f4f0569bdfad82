"""Initial: the network with the weights that a stage of training starts from."""

import logging
from pathlib import Path

import torch

from ...inference.weights import named_tensors, read_weights
from ..checkpoints.imagenet import STAND_IN, imagenet_stand_in, load_imagenet, transfer_imagenet
from ..checkpoints.pretrained import load_pretrained
from ..networks.catalogue import create_model
from ..networks.sized import SizedNetwork
from .recipes import StageConfig

log = logging.getLogger(__name__)


def initial_network(
    config: StageConfig, *, seed: int, init: Path | None = None, weights: Path | None = None
) -> SizedNetwork:
    """Make a stage's network, with random weights except for those that are loaded into it.

    Parameters
    ----------
    config : StageConfig
        The network and its initial weights.
    seed : int
        For the random weights; the process's own generator is not affected.
    init : Path, optional
        A checkpoint, such as that of the stage before; see `pretrained.load_pretrained`.
    weights : Path, optional
        File of ImageNet's weights, if `config` needs them; fetched once if not given.

    Raises
    ------
    ArgumentError, SourceError
        As `catalogue.create_model`, `pretrained.load_pretrained` and `imagenet.load_imagenet`.
    """
    features = config.features or None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create_model(
            config.network,
            config.in_channels,
            config.out_channels,
            features=features,
            gradient_checkpointing=config.gradient_checkpointing,
        )
    if init:
        transfer = load_pretrained(model, named_tensors(read_weights(init)), source=str(init))
        log.info("from %s: %s", init, transfer.summary())
    elif config.initial == "imagenet":
        log.info("from ImageNet: %s", load_imagenet(model, config.network, weights).summary())
    elif config.initial == STAND_IN:
        stand_in = imagenet_stand_in(config.network, seed, features=features)
        transfer = transfer_imagenet(model, config.network, stand_in)
        log.warning("random weights stand in for ImageNet's: %s", transfer.summary())
    return model
