"""Final scores: the best network of a run on the test part, as `evaluate` scores it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import counted
from ...measures.bootstrap import RESAMPLES
from ...measures.estimates import MEAN
from ...runs.progress import Progress
from ...storage.writing import sha256_of, write_bytes
from ..checkpoints.checkpoint import load_checkpoint
from ..evaluation.evaluation_tables import per_image_csv, record
from ..evaluation.pairs import Pair
from ..evaluation.probabilities import as_16_bit
from ..evaluation.scoring import evaluate_pairs
from ..prediction.torch_network import TorchNetwork
from ..training_data.samples import Sample
from .recipes import StageConfig
from .training_set import HALF, TrainingSet, Turn

_HEADLINE = ("jsi", "f1")


def score_test_part(
    checkpoint: Path, samples: Sequence[Sample], config: StageConfig, path: Path, *, device: str
) -> str:
    """Score a checkpoint on the test part, unless that is done, and return the scores in one line.

    Parameters
    ----------
    checkpoint : Path
        A finetuned network.
    samples : sequence of Sample
        The test part. Without samples nothing is scored.
    config : StageConfig
        Settings of finetuning, including the network's input.
    path : Path
        JSON file for the scores; those of each image go to a CSV beside it. Existing scores of
        this checkpoint are used.
    device : str
        As for `devices.choose_device`.

    Returns
    -------
    str
        The mean JSI and F1; empty without samples.
    """
    if not samples:
        return ""
    if not _are_scores_of(path, checkpoint):
        network = TorchNetwork(load_checkpoint(checkpoint), device=device, batch_size=1)
        evaluation = evaluate_pairs(_pairs(samples, config, network), resamples=RESAMPLES)
        content = {**record(evaluation), "checkpoint_sha256": network.sha256}
        write_bytes(path.with_suffix(".csv"), per_image_csv(evaluation))
        write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())
    scores = [
        f"{estimate['measure'].upper()} {estimate['value']:.4f}"
        for estimate in json.loads(path.read_text())["estimates"]
        if estimate["measure"] in _HEADLINE
        and estimate["aggregate"] == MEAN
        and estimate["tolerance_px"] is None
        and estimate["value"] is not None
    ]
    return (
        f"{counted(len(samples), 'test image')}, mean over images: {', '.join(scores)}; see {path}"
    )


def _are_scores_of(path: Path, checkpoint: Path) -> bool:
    """Whether a file has the scores of a checkpoint."""
    try:
        scored: str = json.loads(path.read_bytes())["checkpoint_sha256"]
        return scored == sha256_of(checkpoint)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _pairs(samples: Sequence[Sample], config: StageConfig, network: TorchNetwork) -> Iterator[Pair]:
    """Yield the reference of each image with the network's probabilities."""
    examples = TrainingSet(samples, config, seed=0, training=False)
    with Progress(len(samples), "test") as bar:
        for number, sample in enumerate(samples):
            example = examples[Turn(0, number)]
            logits = network.logits([example.seen.numpy().transpose(1, 2, 0)])[0]
            reference = example.target.numpy() > HALF
            yield Pair(sample.image_id, reference, logits > 0, as_16_bit(logits))
            bar.advance()
