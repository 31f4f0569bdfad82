"""The built wheel, installed where nothing of the checkout is in reach."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib import metadata

import pytest

import ffhq_wrinkle
from tests.helpers import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy of what git tracks, so that the build leaves nothing behind and packs no leftovers.
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, source], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


CODE = """
import sys
from importlib import resources
import ffhq_wrinkle
from ffhq_wrinkle import segmentation
from ffhq_wrinkle.dataset.sources import source
assert ffhq_wrinkle.__file__.startswith(sys.argv[1]), ffhq_wrinkle.__file__
assert segmentation.__file__.startswith(sys.argv[1]), segmentation.__file__
ids = (resources.files("ffhq_wrinkle.manifests") / "test_ids.txt").read_text().split()
recipes = (resources.files("ffhq_wrinkle.recipes") / "README.md").read_text()
print(len(ids), source("bisenet").file, recipes.splitlines()[0])
"""


def test_an_installed_wheel_finds_its_manifests_and_recipes(wheel, tmp_path):
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    # -P and -I would hide PYTHONPATH; an empty folder as the working directory hides the checkout
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(target)],
        cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout == "100 79999_iter.pth # Recipes\n"


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        information = message_from_bytes(
            archive.read(next(name for name in names if name.endswith("/METADATA")))
        )
    folders = {name.split("/")[0] for name in names}
    assert folders == {"ffhq_wrinkle", f"ffhq_wrinkle-{ffhq_wrinkle.__version__}.dist-info"}
    assert {"ffhq_wrinkle/py.typed", "ffhq_wrinkle/manifests/sources.toml"} <= set(names)
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "ffhq_wrinkle").rglob("*.py")}
    assert {"ffhq_wrinkle/__init__.pyi", *modules} <= set(names)
    assert information["License-Expression"] == "Apache-2.0"
    assert information["Requires-Python"] == ">=3.11"


def test_exactly_one_opencv_is_installed():
    names = {"opencv-python", "opencv-python-headless"}
    names |= {f"opencv-contrib-{kind}" for kind in ("python", "python-headless")}
    installed = {distribution.metadata["Name"] for distribution in metadata.distributions()}
    assert len(installed & names) == 1


def test_the_astronaut_ships_with_scikit_image():
    from skimage import data

    assert data.astronaut().shape == (512, 512, 3)


def test_the_wheel_has_the_files_of_the_page_of_review(wheel):
    folder = ROOT / "ffhq_wrinkle" / "adjudication" / "page"
    expected = {f"ffhq_wrinkle/adjudication/page/{path.name}" for path in folder.iterdir()}
    assert {"index.html", "main.js", "static.html"} <= {path.name for path in folder.iterdir()}
    with zipfile.ZipFile(wheel) as archive:
        assert expected <= set(archive.namelist())
