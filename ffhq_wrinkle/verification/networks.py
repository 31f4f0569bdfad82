"""Networks: the authors' networks on the sample and on the test ids, and numbers of parameters."""

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError, ImageFailure, SourceError
from ..images.masks import read_mask
from ..images.named import read_named
from ..images.photographs import read_gray
from ..measures.estimates import MEAN
from ..runs.progress import Progress
from ..segmentation.checkpoints.official import OFFICIAL
from ..segmentation.evaluation.evaluation import Evaluation
from ..segmentation.evaluation.pairs import EvaluationSettings
from ..segmentation.evaluation.scores import score, stacked
from ..segmentation.networks.inputs import network_input
from ..segmentation.networks.parameters import parameter_counts
from ..segmentation.prediction.network_files import load_network
from ..segmentation.prediction.trained_network import TrainedNetwork
from .checks import Check, State, absent, command, state_of
from .data_files import DataFiles
from .files import CHECKPOINT, LABEL_MAP, PHOTO, WEAK_MASK
from .published import NetworkFigures, Published
from .weak_masks import OF_TEST_IDS

log = logging.getLogger(__name__)

GROUP = "Networks"
MANUAL_MASKS = "manual masks of the test ids"
_CLOSE_SHARE = 0.001  # of the wrinkle pixels that are compared
_CLOSE_SCORE, _EQUAL_SCORE = 1e-3, 1e-9
_EXACT = EvaluationSettings(tolerances_px=(), centrelines=False)
_RGB = 3


class Predicted(NamedTuple):
    """The wrinkles of an image by a network, bool (H, W), and its face."""

    mask: np.ndarray
    face: np.ndarray


def network_checks(
    files: DataFiles, published: Published, *, quick: bool, device: str
) -> Iterator[Check]:
    """Yield the checks of the authors' networks.

    Parameters
    ----------
    files, published
        The data set, and the known figures.
    quick : bool
        Whether the sample alone is predicted.
    device : str
        As in `inference.devices.choose_device`.
    """
    for name in OFFICIAL:
        path = files.checkpoint(name)
        network: TrainedNetwork | None = None
        trouble = ""
        if path is not None:
            try:
                network = load_network(path, device=device)
            except SourceError as error:
                trouble = str(error)
        if name in published.network_pixels:
            yield _sample_check(name, network, trouble, files, published)
        if not quick and name in published.networks:
            yield from _test_checks(name, network, trouble, files, published)


def predicted(network: TrainedNetwork, files: DataFiles, image_id: str) -> Predicted | None:
    """Predict the wrinkles of an image, with the published weak mask as texture.

    None if a file is absent.

    Raises
    ------
    ImageFailure
        A file cannot be read.
    """
    parts = files.photo_and_face(image_id)
    if parts is None or image_id not in files.weak:
        return None
    image, face = parts
    texture = None
    if network.in_channels > _RGB:
        texture = read_named(files.weak[image_id], read_gray)
        if texture.shape != face.shape:
            raise ImageFailure(f"the weak mask of {image_id} has another size than its photograph")
        texture = texture * face
    (logits,) = network.logits([network_input(image, face, texture)], batch_size=1)
    return Predicted(logits > 0, face)


def _sample_check(
    name: str,
    network: TrainedNetwork | None,
    trouble: str,
    files: DataFiles,
    published: Published,
) -> Check:
    sample, known = published.sample, published.network_pixels[name]
    title, source = f"{name} on {sample}", published.sources["third-party"]
    expected = f"{known:,} wrinkle pixels"
    inputs = (
        *(CHECKPOINT.format(name), PHOTO.format(sample), WEAK_MASK.format(sample)),
        *(LABEL_MAP.format(sample), f"{WEAK_MASK.format(sample)}, pixels"),
    )
    found, note = "none", trouble
    state: State = "different"
    if not trouble:
        try:
            result = predicted(network, files, sample) if network else None
        except ImageFailure as failure:
            note = str(failure)
        else:
            if result is None:
                get = _get(network, files, [sample], manual=False)
                return absent(
                    GROUP, title, expected=expected, source=source, get=get, inputs=inputs
                )
            pixels = int(np.count_nonzero(result.mask))
            inside = int(np.count_nonzero(result.mask & result.face))
            state = state_of(pixels - known, close=_CLOSE_SHARE * known)
            found = f"{pixels:,} wrinkle pixels, {inside:,} of them inside the face"
            note = "" if state == "equal" else f"{pixels - known:+,} pixels"
    return Check(
        group=GROUP, name=title, expected=expected, source=source, state=state, found=found,
        note=note, inputs=inputs,
    )  # fmt: skip


def _get(
    network: TrainedNetwork | None, files: DataFiles, image_ids: Sequence[str], *, manual: bool
) -> str:
    """Return the command that gets what is absent."""
    text = "download labels DATA --only parsed"
    if network is None:
        text = "download checkpoints DATA"
    elif any(image_id not in files.images for image_id in image_ids):
        text = "download images DATA --ids test"
        if len(image_ids) == 1:
            text = f"download images DATA --ids {image_ids[0]}"
    elif any(image_id not in files.weak for image_id in image_ids):
        text = "download labels DATA --only weak"
    elif manual and any(image_id not in files.manual for image_id in image_ids):
        text = "download labels DATA --only manual"
    return command(text, files.data)


def _test_checks(
    name: str,
    network: TrainedNetwork | None,
    trouble: str,
    files: DataFiles,
    published: Published,
) -> Iterator[Check]:
    figures, source = published.networks[name], published.sources["third-party"]
    titles = (f"{name} on the test ids, pixels", f"{name} on the test ids, scores")
    expected = (_pixels_text(figures), _scores_text(figures))
    inputs = (CHECKPOINT.format(name), OF_TEST_IDS, MANUAL_MASKS)
    image_ids = list(published.test_ids)
    complete = all(
        image_id in files.manual
        and image_id in files.weak
        and image_id in files.images
        and files.label_map(image_id)
        for image_id in image_ids
    )
    if not trouble and (network is None or not complete):
        get = _get(network, files, image_ids, manual=True)
        for title, text in zip(titles, expected, strict=True):
            yield absent(GROUP, title, expected=text, source=source, get=get, inputs=inputs)
        return
    try:
        if network is None:
            raise ImageFailure(trouble)
        inside, whole = _evaluations(network, files, image_ids, name)
    except (ImageFailure, ArgumentError) as failure:
        for title, text in zip(titles, expected, strict=True):
            yield Check(
                group=GROUP, name=title, expected=text, source=source, state="different",
                found="none", note=str(failure), inputs=inputs,
            )  # fmt: skip
        return
    ours, everywhere = _figures_of(inside), _figures_of(whole)
    apart = [
        ours.true_positive - figures.true_positive,
        ours.false_positive - figures.false_positive,
        ours.false_negative - figures.false_negative,
        ours.true_negative - figures.true_negative,
    ]
    wrinkles = figures.true_positive + figures.false_positive + figures.false_negative
    furthest = max(apart, key=abs)
    state = state_of(furthest, close=_CLOSE_SHARE * wrinkles)
    yield Check(
        group=GROUP, name=titles[0], expected=expected[0], source=source, state=state,
        found=_pixels_text(ours),
        note=f"not restricted to faces: {_pixels_text(everywhere)}", inputs=inputs,
    )  # fmt: skip
    furthest_score = max(
        abs(getattr(ours, score) - getattr(figures, score))
        for score in ("pooled_f1", "pooled_jsi", "mean_f1", "mean_jsi")
    )
    yield Check(
        group=GROUP,
        name=titles[1],
        expected=expected[1],
        source=source,
        state=state_of(0 if furthest_score <= _EQUAL_SCORE else furthest_score, close=_CLOSE_SCORE),
        found=_scores_text(ours),
        note=f"not restricted to faces: {_scores_text(everywhere)}",
        inputs=inputs,
    )


def _evaluations(
    network: TrainedNetwork, files: DataFiles, image_ids: Sequence[str], name: str
) -> tuple[Evaluation, Evaluation]:
    """Score a network on images: with predictions inside the face alone, and with all of them.

    In both, every pixel of the image counts.
    """
    inside, whole = [], []
    with Progress(len(image_ids), name) as progress:
        for image_id in image_ids:
            result = predicted(network, files, image_id)
            if result is None:
                raise ImageFailure(f"{image_id} lacks a file")
            reference = read_named(files.manual[image_id], read_mask)
            inside.append(score(reference, result.mask & result.face).score)
            whole.append(score(reference, result.mask).score)
            progress.advance()
    ids = list(image_ids)
    return (
        Evaluation(ids, stacked(inside), _EXACT, resamples=0),
        Evaluation(ids, stacked(whole), _EXACT, resamples=0),
    )


def _figures_of(evaluation: Evaluation) -> NetworkFigures:
    scores = evaluation.scores
    both, first = int(scores.both.sum()), int(scores.reference.sum())
    second, pixels = int(scores.predicted.sum()), int(scores.pixels.sum())
    values = {
        f"{'mean' if estimate.aggregate == MEAN else 'pooled'}_{estimate.column.measure}": (
            estimate.value
        )
        for estimate in evaluation.estimates
        if estimate.column.measure in ("f1", "jsi")
    }
    return NetworkFigures(
        true_positive=both,
        false_positive=second - both,
        false_negative=first - both,
        true_negative=pixels - first - second + both,
        **values,
    )


def _pixels_text(figures: NetworkFigures) -> str:
    return (
        f"TP {figures.true_positive:,}, FP {figures.false_positive:,}, "
        f"FN {figures.false_negative:,}, TN {figures.true_negative:,}"
    )


def _scores_text(figures: NetworkFigures) -> str:
    return (
        f"pooled F1 {figures.pooled_f1:.4f}, JSI {figures.pooled_jsi:.4f}; "
        f"mean over images F1 {figures.mean_f1:.4f}, JSI {figures.mean_jsi:.4f}"
    )


def manual_check(files: DataFiles, published: Published) -> Check:
    """Count the wrinkle pixels of the manual masks of the test ids."""
    image_ids = list(published.test_ids)
    expected, source = (
        f"{published.manual_pixels:,} wrinkle pixels",
        published.sources["third-party"],
    )
    if any(image_id not in files.manual for image_id in image_ids):
        get = command("download labels DATA --only manual", files.data)
        return absent("Manual masks", MANUAL_MASKS, expected=expected, source=source, get=get)
    try:
        pixels = sum(
            int(np.count_nonzero(read_named(files.manual[image_id], read_mask)))
            for image_id in image_ids
        )
    except ImageFailure as failure:
        return Check(
            group="Manual masks", name=MANUAL_MASKS, expected=expected, source=source,
            state="different", found="none", note=str(failure),
        )  # fmt: skip
    return Check(
        group="Manual masks",
        name=MANUAL_MASKS,
        expected=expected,
        source=source,
        state="equal" if pixels == published.manual_pixels else "different",
        found=f"{pixels:,} wrinkle pixels",
    )


def parameter_checks(published: Published) -> Iterator[Check]:
    """Yield a check of the number of parameters of each network of the paper."""
    for size in published.parameters:
        count = parameter_counts(size.network, size.in_channels, 2).paper
        yield Check(
            group="Parameters",
            name=f"{size.network}, {size.in_channels} -> 2 channels",
            expected=f"{size.count:,}; the paper prints {size.paper}",
            source=published.sources["measured"],
            state="equal" if count == size.count else "different",
            found=f"{count:,}",
        )
