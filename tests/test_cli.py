"""The command line as a whole: help, versions, errors, and what its options offer."""

import contextlib
import fcntl
import os
import pty
import resource
import shutil
import struct
import subprocess
import sys
import termios

import pytest

from ffhq_wrinkle import __version__
from ffhq_wrinkle.cli import main
from ffhq_wrinkle.downloads.download import LABELS, PARTS
from ffhq_wrinkle.faces.parsing import PARSERS
from ffhq_wrinkle.human_labels.fusion import METHODS, FusionRule
from ffhq_wrinkle.runs.cores import available_cores
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from tests.helpers import ROOT
from tests.helpers.commands import run
from tests.helpers.processes import COMMAND, run_after

HEAVY = {"torch", "cv2", "numpy", "pandas", "scipy", "skimage", "facexlib", "PIL", "tqdm", "joblib",
         "matplotlib", "tabulate", "requests", "huggingface_hub", "gdown", "ijson"}  # fmt: skip
HELP = [[], *([name] for name in main.commands)]


@pytest.mark.parametrize("command", HELP, ids=lambda command: command[0] if command else "main")
def test_help_loads_no_heavy_library_and_takes_no_time(command):
    code = (
        "import sys, ffhq_wrinkle.cli as cli\n"
        "try: cli.main(sys.argv[1:])\n"
        f"finally: print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    arguments = [sys.executable, "-c", code, *command, "--help"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(arguments, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert said.stdout.startswith("Usage: ")
    assert said.stderr == "[]\n"
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.3


@pytest.mark.parametrize("name", main.commands)
def test_every_command_has_help_and_examples_and_every_option_a_text(name):
    said = run(name, "--help").output
    assert f"ffhq-wrinkle {name}" in said.split("Examples:")[1]
    for option in main.commands[name].params:
        if option.param_type_name == "option":
            assert option.help, option.name


def test_the_version_is_the_package_s():
    assert run("--version").output == f"ffhq-wrinkle, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["build-weak"],
        ["build-weak", "nowhere", "out"],
        ["build-weak", ".", "out", "--jobs", "0"],
        ["build-weak", ".", "out", "--recipe", "other"],
        ["build-weak", ".", "out", "--nonsense"],
        ["nonsense"],
    ],
)
def test_wrong_usage_has_exit_status_2(arguments):
    assert run(*arguments).exit_code == 2


# As cv2 fails to load where its system library is missing.
LACKS_LIBGL = """
import sys

class Finder:
    def find_spec(self, name, *_):
        if name == "cv2":
            raise ImportError("libGL.so.1: cannot open shared object file")

sys.meta_path.insert(0, Finder())
"""


def test_a_missing_system_library_is_explained(dataset, tmp_path):
    command = ["build-weak", dataset.images, tmp_path / "out", "--parser", "labels"]
    said = run_after(LACKS_LIBGL, *command)
    assert said.returncode == 1
    (line,) = said.stderr.splitlines()
    assert "libGL.so.1: cannot open" in line
    assert "apt-get install libgl1" in line


def test_quiet_runs_show_no_progress_even_on_a_terminal(dataset, tmp_path):
    for options, shown in ([], True), (["-q"], False):
        terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command = [*COMMAND, *options, "build-weak"]
        run_in = [*command, dataset.images, tmp_path / "out", "--parser", "labels", "--overwrite"]
        with subprocess.Popen(run_in, stderr=end, stdout=subprocess.DEVNULL) as process:
            os.close(end)
            said = b""
            with contextlib.suppress(OSError):  # the other end is closed
                while part := os.read(terminal, 4096):
                    said += part
            assert process.wait() == 0
        os.close(terminal)
        assert (b"build-weak" in said) == shown


@pytest.mark.skipif(not shutil.which("nproc"), reason="nproc says how many cores there are")
def test_the_default_number_of_jobs_is_that_of_the_cores_allowed():
    plain = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    assert available_cores() == int(subprocess.check_output(["nproc"], env=plain))
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from ffhq_wrinkle.runs.cores import available_cores; print(available_cores())"
    )
    assert int(subprocess.check_output([sys.executable, "-c", code])) == 1


def test_options_offer_the_library_s_choices():
    # The command line names these itself, since importing them would load heavy libraries.
    options = {option.name: option for option in main.commands["predict"].params}
    assert tuple(options["recipe"].type.choices) == tuple(FORMULAS)
    options = {option.name: option for option in main.commands["build-weak"].params}
    assert tuple(options["recipe"].type.choices) == tuple(FORMULAS)
    assert tuple(options["parser_name"].type.choices) == ("auto", *PARSERS)
    defaults = TextureSettings()
    for name in ("recipe", "kernel_size", "sigma"):
        assert options[name].default == getattr(defaults, name)
    options = {option.name: option for option in main.commands["fuse-labels"].params}
    assert tuple(options["method"].type.choices) == METHODS
    assert options["method"].default == FusionRule().method
    arguments = {option.name: option for option in main.commands["download"].params}
    assert tuple(arguments["what"].type.choices) == (*PARTS, "all")
    assert tuple(arguments["only"].type.choices) == tuple(LABELS)


def test_the_page_of_commands_is_the_output_of_help():
    tools = ROOT / "tools"
    made = subprocess.check_output(
        [sys.executable, "-c", "import make_cli_docs; print(make_cli_docs.page(), end='')"],
        cwd=tools,
        text=True,
    )
    assert (tools.parent / "docs" / "cli.md").read_text() == made


def test_a_broken_opencv_is_reported_in_one_line(dataset, tmp_path):
    """As pip leaves it after one of two wheels that own cv2 was removed: an empty package."""
    empty = "import sys, types; sys.modules['cv2'] = types.ModuleType('cv2')"
    command = ["build-weak", dataset.root, tmp_path / "weak", "--parser", "mesh"]
    said = run_after(empty, *command)
    assert said.returncode == 1
    (line,) = said.stderr.splitlines()
    assert "pip install --force-reinstall --no-deps opencv-python" in line


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "ffhq_wrinkle", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == f"ffhq-wrinkle, version {__version__}\n"
