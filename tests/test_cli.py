import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ffhq_wrinkle import __version__
from ffhq_wrinkle.cli import main
from ffhq_wrinkle.commands.options import available_cores
from ffhq_wrinkle.downloads.download import LABELS, PARTS
from ffhq_wrinkle.faces.parsing import PARSERS
from ffhq_wrinkle.human_labels.fusion import METHODS, FusionRule
from ffhq_wrinkle.weak_labels.texture import RECIPES, TextureSettings
from tests.helpers import ROOT
from tests.helpers.files import files_of

HEAVY = {"torch", "cv2", "numpy", "pandas", "scipy", "skimage", "facexlib", "PIL", "tqdm", "joblib",
         "matplotlib", "tabulate", "requests", "huggingface_hub", "gdown", "ijson"}  # fmt: skip
HELP = [[], *([name] for name in main.commands)]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def build_weak(dataset, out, *options):
    return run("build-weak", dataset.images, out, "--parser", "labels", *options)


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


def test_build_weak_says_what_it_did(dataset, tmp_path):
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 0
    assert result.output == "6 weak masks written, 0 were there already\n"
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 0
    assert "0 weak masks written, 6 were there already" in result.output


def test_images_that_fail_are_counted_and_the_exit_status_is_1(dataset, tmp_path):
    dataset.image_path("00001").write_text("not an image")
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 1
    assert f"5 weak masks written, 0 were there already, 1 failed, see {tmp_path}" in result.output


def test_options_reach_the_masks(dataset, tmp_path):
    (tmp_path / "ids.txt").write_text("00000\n00001\n")
    result = build_weak(
        dataset, tmp_path / "out", "--recipe", "released", "--kernel-size", 11, "--sigma", 2,
        "--ids", "2", "--ids-file", tmp_path / "ids.txt", "--limit", 2, "--jobs", 2,
        "--labels", dataset.labels, "--save-labels", tmp_path / "labels",
        "--save-face-masks", tmp_path / "faces", "--save-masked-images", tmp_path / "masked",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "build.json").read_text())
    assert record["settings"]["recipe"] == "released"
    assert (record["settings"]["kernel_size"], record["settings"]["sigma"]) == (11, 2.0)
    for folder, name in (("out/00000", "png"), ("labels", "npy"), ("faces", "png")):
        assert {path.name for path in (tmp_path / folder).glob("0*")} == {
            f"00000.{name}",
            f"00001.{name}",
        }
    assert len(list((tmp_path / "masked").glob("*.png"))) == 2


def test_other_settings_need_overwrite(dataset, tmp_path):
    assert build_weak(dataset, tmp_path / "out").exit_code == 0
    result = build_weak(dataset, tmp_path / "out", "--sigma", 4)
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: .* sigma 5.0 there and 4.0 now.*--overwrite\n", result.output)
    assert build_weak(dataset, tmp_path / "out", "--sigma", 4, "--overwrite").exit_code == 0


def test_every_output_of_the_template_says_so(astronaut, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "photos" / "astronaut.png")
    folders = [tmp_path / name for name in ("out", "faces", "masked", "labels")]
    result = run(
        "build-weak", tmp_path / "photos", folders[0], "--parser", "template",
        "--save-face-masks", folders[1], "--save-masked-images", folders[2],
        "--save-labels", folders[3],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    guess = "guess by a fixed face template"
    assert guess in result.output
    for folder in folders:
        assert guess in json.loads((folder / "build.json").read_text())["settings"]["parser_note"]
    for folder in folders[:3]:
        with Image.open(folder / "astronaut.png") as image:
            assert guess in image.text["Description"]
    assert np.load(folders[3] / "astronaut.npy").shape == (512, 512)


def test_a_photograph_without_a_face_is_a_failure_of_the_template(tmp_path):
    (tmp_path / "photos").mkdir()
    gray = np.full((300, 400, 3), 120, np.uint8)
    Image.fromarray(gray).save(tmp_path / "photos" / "wall.png")
    result = run("build-weak", tmp_path / "photos", tmp_path / "out", "--parser", "template")
    assert result.exit_code == 1
    table = (tmp_path / "out" / "failures.csv").read_text().splitlines()
    assert table[1].startswith("wall.png,parse,")
    assert "no face found" in table[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--ids", "../../etc/passwd"], "not an image id"),
        (["--ids", "9-3"], "from a smaller id"),
        (["--ids", "40000"], "none of the 1 requested ids"),
        (["--ids", "0-9999999"], "contain at most"),
        (["--ids", "0-" + "9" * 5000], "none of the 1 requested ids"),
        (["--kernel-size", "20"], "kernel size is 20"),
        (["--kernel-size", "4294967297"], "from 1 to 4095"),
        (["--sigma", "0"], "sigma is 0"),
        (["--weights", __file__], "weights belong to the parser bisenet"),
    ],
)
def test_wrong_values_are_one_line_and_write_nothing(dataset, tmp_path, options, said):
    result = build_weak(dataset, tmp_path / "out", *options)
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert said in result.output
    assert result.output.count("\n") == 1
    assert not (tmp_path / "out").exists()


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


def test_weights_that_are_none_are_refused_in_one_line(dataset, tmp_path):
    weights = tmp_path / "weights.pth"
    weights.write_text("<html>")
    result = run("build-weak", dataset.images, tmp_path / "out", "--weights", weights)
    assert result.exit_code == 1
    assert "not a weights file that is safe to load" in result.output
    assert result.output.count("\n") == 1


def test_a_missing_system_library_is_explained(dataset, tmp_path, monkeypatch):
    def no_library(*_, **__):
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr("ffhq_wrinkle.weak_labels.weak.build_weak", no_library)
    result = build_weak(dataset, tmp_path / "out")
    assert result.exit_code == 1
    assert "apt-get install libgl1" in result.output


def test_nothing_is_written_beside_the_named_folders(dataset, tmp_path):
    before = files_of(tmp_path)
    build_weak(dataset, tmp_path / "out", "--save-labels", tmp_path / "labels")
    after = files_of(tmp_path)
    assert {path: after[path] for path in before} == before
    new = {Path(path).parts[0] for path in after.keys() - before.keys()}
    assert new == {"out", "labels"}


def test_a_run_in_a_log_reports_now_and_then(dataset, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("ffhq_wrinkle.runs.progress.SECONDS_BETWEEN_LINES", 0.0)
    with caplog.at_level("INFO", logger="ffhq_wrinkle"):
        build_weak(dataset, tmp_path / "out")
    assert re.search(r"build-weak: 3 of 6, [\d.]+ images/s, [\d:]+ left, 0 failed", caplog.text)


def test_quiet_runs_show_no_progress_even_on_a_terminal(dataset, tmp_path):
    for options, shown in ([], True), (["-q"], False):
        terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        command = [Path(sys.executable).with_name("ffhq-wrinkle"), *options, "build-weak"]
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
        "from ffhq_wrinkle.commands.options import available_cores; print(available_cores())"
    )
    assert int(subprocess.check_output([sys.executable, "-c", code])) == 1


def test_options_offer_what_the_library_has():
    # The command line names these itself, since importing them would load heavy libraries.
    options = {option.name: option for option in main.commands["build-weak"].params}
    assert tuple(options["recipe"].type.choices) == RECIPES
    assert tuple(options["parser_name"].type.choices) == PARSERS
    defaults = TextureSettings()
    for name in ("recipe", "kernel_size", "sigma"):
        assert options[name].default == getattr(defaults, name)
    options = {option.name: option for option in main.commands["fuse-labels"].params}
    assert tuple(options["method"].type.choices) == METHODS
    assert options["method"].default == FusionRule().method
    arguments = {option.name: option for option in main.commands["download"].params}
    assert tuple(arguments["what"].type.choices) == (*PARTS, "all")
    assert tuple(arguments["only"].type.choices) == tuple(LABELS)


def test_the_page_of_commands_is_what_help_says():
    tools = ROOT / "tools"
    made = subprocess.check_output(
        [sys.executable, "-c", "import make_cli_docs; print(make_cli_docs.page(), end='')"],
        cwd=tools,
        text=True,
    )
    assert (tools.parent / "docs" / "cli.md").read_text() == made
