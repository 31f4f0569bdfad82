"""Slow runs: `build-weak` by a script with a parser that takes 0.2 s an image."""

import sys

from tests.helpers.processes import start

SCRIPT = """
import sys, time
from pathlib import Path
import numpy as np
from ffhq_wrinkle.errors import FfhqWrinkleError, RunInterrupted
from ffhq_wrinkle.faces.labels import FaceParser
from ffhq_wrinkle.runs import cluster
from ffhq_wrinkle.weak_labels.weak import build_weak

class Slow(FaceParser):
    name = note = "slow"

    def prepare(self, image, image_id):
        time.sleep(0.2)
        return np.ones((512, 512), np.uint8)

if __name__ == "__main__":
    images, out, scheduler, patience_s = sys.argv[1:]
    cluster._PATIENCE_S["local"] = float(patience_s)
    try:
        build_weak(Path(images), Path(out), parser=Slow(), scheduler=scheduler)
    except RunInterrupted as interruption:
        print(interruption.summary)
    except FfhqWrinkleError as error:
        sys.exit(f"Error: {error}")
"""


def start_slow_run(images, out, scheduler, *, patience_s=25):
    """Start a run, with how long it waits for lost workers of `local:N`."""
    script = out.parent / "slow.py"
    script.write_text(SCRIPT)
    command = (sys.executable, script)
    return start(images, out, scheduler, patience_s, command=command)
