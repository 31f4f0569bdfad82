"""Commands as real processes, and their workers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.helpers import ROOT

COMMAND = (str(Path(sys.executable).with_name("ffhq-wrinkle")),)
# The same command line with a narrow U-Net.
NARROW = Path(__file__).with_name("narrow.py")
LONGEST_WAIT_S = 120  # on a machine that does much else


def start(*arguments, command=COMMAND):
    """Begin a command, which sees no GPU."""
    return subprocess.Popen(
        [*map(str, (*command, *arguments))],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )


def run(*arguments, command=COMMAND):
    process = start(*arguments, command=command)
    return process, *process.communicate(timeout=LONGEST_WAIT_S)


def run_after(code, *arguments, module="ffhq_wrinkle.cli"):
    """Run a command in a process that runs some code first."""
    code = f"{code}\nfrom {module} import main\nmain()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def file_limit(most_bytes):
    """Code after which no file can be longer, as if the disk were full."""
    return (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))"
    )


def without_module(name):
    """Code after which a module cannot be imported, as if it were not installed."""
    return f"import sys\nsys.modules[{name!r}] = None"


def kill(process):
    """Kill a process without notice, and wait until it is gone."""
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.communicate()


def wait_for(condition, process):
    """Wait until something is so while a process runs, which is killed if that takes too long."""
    end = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < end:
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"nothing happened for {LONGEST_WAIT_S} s: {process.communicate()}")


def workers_below(pid):
    """The processes that work, of a command or of `dask worker`."""
    children = psutil.Process(pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
