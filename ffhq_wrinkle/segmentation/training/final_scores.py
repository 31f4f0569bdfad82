"""Final scores: the best network of a run on the test part, as `evaluate` scores it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...measures.bootstrap import RESAMPLES
from ...measures.estimates import MEAN
from ...runs.progress import Progress
from ...storage.writing import sha256_of, write_bytes
from ..checkpoints.checkpoint import load_checkpoint
from ..evaluation.evaluation_tables import per_image_csv, record
from ..evaluation.pairs import Pair
from ..evaluation.probabilities import as_16_bit
from ..evaluation.scoring import evaluate_pairs
from ..prediction.predictor import TorchPredictor
from ..training_data.samples import Sample
from .recipes import StageConfig
from .training_set import HALF, Place, TrainingSet


def score_test_part(
    checkpoint: Path, samples: Sequence[Sample], config: StageConfig, path: Path, *, device: str
) -> str:
    """Score a checkpoint on samples, unless that is done, and give the headline in one line.

    Parameters
    ----------
    checkpoint : Path
        Of finetuning.
    samples : sequence of Sample
        The test part; of none there is no headline.
    config : StageConfig
        What the network sees.
    path : Path
        Gets the scores as JSON, and each image's beside it as CSV; what is there of this
        checkpoint is taken.
    device : str
        As `inference.choose_device`.
    """
    if not samples:
        return ""
    if not _is_of(path, checkpoint):
        predictor = TorchPredictor(load_checkpoint(checkpoint), device=device, batch_size=1)
        found = evaluate_pairs(_predicted(samples, config, predictor), resamples=RESAMPLES)
        content = {**record(found), "checkpoint_sha256": predictor.sha256}
        write_bytes(path.with_suffix(".csv"), per_image_csv(found))
        write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())
    shown = [
        f"{one['measure'].upper()} {one['value']:.4f}"
        for one in json.loads(path.read_text())["estimates"]
        if one["measure"] in ("jsi", "f1")
        and one["aggregate"] == MEAN
        and one["tolerance_px"] is None
        and one["value"] is not None
    ]
    return f"{len(samples)} test images, mean over images: {', '.join(shown)}; see {path}"


def _is_of(path: Path, checkpoint: Path) -> bool:
    """Whether there are scores, and of this checkpoint."""
    try:
        found: bool = json.loads(path.read_bytes())["checkpoint_sha256"] == sha256_of(checkpoint)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return found


def _predicted(
    samples: Sequence[Sample], config: StageConfig, predictor: TorchPredictor
) -> Iterator[Pair]:
    """References with the network's probabilities, one at a time."""
    whole = TrainingSet(samples, config, seed=0, training=False)
    with Progress(len(samples), "test") as bar:
        for number, sample in enumerate(samples):
            one = whole[Place(0, number)]
            logits = predictor.logits([one.seen.numpy().transpose(1, 2, 0)])[0]
            truth = one.target.numpy() > HALF
            yield Pair(sample.image_id, truth, logits > 0, as_16_bit(logits))
            bar.advance()
