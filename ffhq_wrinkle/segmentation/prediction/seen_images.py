"""Seen images: warnings of predictions for images that a network was trained on.

The list of such images is kept beside the predictions, so that `evaluate` warns too.
"""

import json
import logging
from collections.abc import Collection, Iterable

from ...dataset.ids import image_id_of
from ...dataset.sources import source
from ...errors import ArgumentError, SourceError, counted, first_few
from ...results.records import PREDICTION_RECORD
from ...storage.places import Place, delete, get
from ...storage.writing import output_error, text_bytes, write_bytes
from ..checkpoints.trained_on import TrainedOn
from .trained_network import TrainedNetwork

log = logging.getLogger(__name__)

TRAINED_ON = "trained_on.txt"
_ADVICE = "scores on them say little about other faces; --allow-trained-on says that it is meant"


def keep_seen(
    out: Place,
    network: TrainedNetwork,
    image_ids: Iterable[str],
    *,
    masked: Collection[str],
    allowed: bool,
) -> None:
    """List the images that the network was trained on in a folder of predictions, and warn.

    Parameters
    ----------
    out : Place
        The folder.
    network : TrainedNetwork
    image_ids : iterable of str
        All images that were predicted.
    masked : collection of str
        Those that have a human mask, as far as that is known.
    allowed : bool
        Whether this is meant, and there is no warning.

    Raises
    ------
    OutputError
        The list cannot be written.
    """
    names = {image_id_of(image_id) for image_id in image_ids}
    seen = network.trained_on.among(names, masked=masked) if network.trained_on else []
    try:
        if not seen:
            delete(out / TRAINED_ON)
            return
    except OSError as error:
        raise output_error(out / TRAINED_ON, error) from error
    write_bytes(out / TRAINED_ON, text_bytes("".join(f"{image_id}\n" for image_id in seen)))
    if not allowed:
        log.warning(
            "the network was trained on %s of %s, such as %s; %s",
            *(counted(len(seen), "image"), len(names), first_few(seen), _ADVICE),
        )


def warn_of_formula(network: TrainedNetwork, recipe: str | None) -> None:
    """Warn of texture maps by another formula than those that the network was trained on."""
    trained = network.texture
    if recipe and trained and recipe != trained.recipe:
        log.warning(
            "the network was trained on texture maps by the formula %s, and gets those by %s; its "
            "wrinkles are then not to be trusted",
            *(trained.recipe, recipe),
        )


def warn_of_seen(predictions: Place, image_ids: Collection[str]) -> None:
    """Warn if predictions are scored on images that their network was trained on.

    Parameters
    ----------
    predictions : Place
        Folder of predictions; other folders give no warning.
    image_ids : collection of str
        The images that are scored, which have human masks.
    """
    seen: list[str] = []
    for folder in (predictions, predictions.parent):  # `masks` of an output folder can be scored
        try:
            listed = set(get(folder / TRAINED_ON).decode("utf-8", "surrogateescape").split("\n"))
            seen = sorted(image_id for image_id in image_ids if image_id_of(image_id) in listed)
        except OSError:
            pass
        if not seen and _is_of_published(folder):
            seen = TrainedOn(published=True).among(map(image_id_of, image_ids))
        if seen:
            log.warning(
                "the network of %s was trained on %s of the %d that are scored, such as %s; %s",
                *(predictions, counted(len(seen), "image"), len(image_ids), first_few(seen)),
                _ADVICE,
            )
            return


def _is_of_published(folder: Place) -> bool:
    """Return whether the record of predictions names a published network."""
    try:
        settings = json.loads(get(folder / PREDICTION_RECORD))["settings"]
        return settings["checkpoint_sha256"] in source("checkpoints").members.values()
    except (OSError, ValueError, KeyError, TypeError, SourceError, ArgumentError):
        return False
