"""Commands as real processes, and their workers."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

COMMAND = str(Path(sys.executable).with_name("ffhq-wrinkle"))

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
from ffhq_wrinkle.cli import main
main(sys.argv[1:])
"""


def start(*arguments):
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )


def run(*arguments):
    process = start(*arguments)
    return process, *process.communicate(timeout=120)


def wait_for(condition, process):
    for _ in range(3000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    raise AssertionError("nothing happened for 30 s")


def workers_below(pid):
    """The processes that work, of a command or of `dask worker`."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
