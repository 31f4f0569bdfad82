"""Model record: `model.json`, which says in plain text what a checkpoint beside it is."""

import json
from pathlib import Path
from typing import Any

from ...storage.writing import sha256_of

MODEL = "model.json"


def read_model_record(checkpoint: Path) -> dict[str, Any] | None:
    """Read the record beside a checkpoint; None if there is none, or it is of another file."""
    try:
        record = json.loads(checkpoint.with_name(MODEL).read_bytes())
        is_own = record["checkpoint"]["sha256"] == sha256_of(checkpoint)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(record) if is_own else None
