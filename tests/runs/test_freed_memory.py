"""Freed memory stays with the process: counted in page faults, in a process of its own."""

import os
import platform
import subprocess
import sys

import pytest

CODE = """
import resource
import numpy as np
from ffhq_wrinkle.runs.pipeline import keep_freed_memory
if {kept}:
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def use():
    images = [np.ones((1024, 1024), np.uint8) for _ in range(4)]
for _ in range(3):
    use()
before = faults()
for _ in range(20):
    use()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")
def test_freed_memory_is_not_fetched_again_page_by_page():
    environment = {name: text for name, text in os.environ.items() if "MALLOC" not in name}
    environment.pop("GLIBC_TUNABLES", None)

    def faults(*, kept):
        command = [sys.executable, "-c", CODE.format(kept=kept)]
        return int(subprocess.check_output(command, env=environment, text=True))

    assert faults(kept=True) < 100 < 1000 < faults(kept=False)
