"""The scripts for maintainers, run as they are."""

import subprocess
import sys

import numpy as np
from PIL import Image

from ffhq_wrinkle.weak_labels.texture import masked_texture_map
from tests.helpers import ROOT
from tests.helpers.faces import drawn_face

TOOLS = ROOT / "tools"


def run(script, *arguments):
    command = [sys.executable, str(TOOLS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def figures(text, made_by, region):
    """Six numbers of one row of the table: mean and pooled MAE, RMSE and exact."""
    block = text[text.index(f"\n{made_by} ") :]
    line = next(line for line in block.splitlines()[1:] if region in line)
    return [float(number) for number in line.split()[-6:]]


def test_compare_weak_gives_the_figures_of_a_hand_made_pair(tmp_path):
    save(tmp_path / "ours" / "00000" / "00001.png", [[0, 10, 0, 4]])
    save(tmp_path / "official" / "00001.png", [[0, 13, 0, 4]])
    save(tmp_path / "ours" / "00000" / "00002.png", [[0, 7]])
    save(tmp_path / "official" / "00002.png", [[0, 8]])
    save(tmp_path / "official" / "00003.png", [[0, 8]])
    result = run("compare_weak.py", tmp_path / "ours", tmp_path / "official")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("2 images\n")
    # whole: |3| of 4 pixels and |1| of 2; face: 2 pixels and 1
    whole = [
        (3 / 4 + 1 / 2) / 2,
        (1.5 + 0.5**0.5) / 2,
        (3 / 4 + 1 / 2) / 2,
        4 / 6,
        (10 / 6) ** 0.5,
        4 / 6,
    ]
    face = [(3 / 2 + 1) / 2, (4.5**0.5 + 1) / 2, (1 / 2 + 0) / 2, 4 / 3, (10 / 3) ** 0.5, 1 / 3]
    np.testing.assert_allclose(figures(result.stdout, "OURS", "whole"), whole, atol=6e-5)
    np.testing.assert_allclose(figures(result.stdout, "OURS", "face"), face, atol=6e-5)


def test_compare_weak_distinguishes_the_recipes(tmp_path):
    image, labels = drawn_face(512)
    face = labels == 1
    official = masked_texture_map(image, face, recipe="released")
    save(tmp_path / "images" / "00001.png", image)
    save(tmp_path / "official" / "00001.png", official)
    save(tmp_path / "ours" / "00001.png", masked_texture_map(image, face))
    result = run(
        "compare_weak.py", tmp_path / "ours", tmp_path / "official",
        "--images", tmp_path / "images", "--csv", tmp_path / "per_image.csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert figures(result.stdout, "released", "face") == [0, 0, 1, 0, 0, 1]
    assert figures(result.stdout, "paper", "face")[2] == 0  # every pixel of the face differs
    assert figures(result.stdout, "paper", "whole")[2] > 0.5
    assert len((tmp_path / "per_image.csv").read_text().splitlines()) == 1 + 3 * 2


def test_compare_weak_needs_common_images(tmp_path):
    save(tmp_path / "ours" / "00001.png", [[0]])
    save(tmp_path / "official" / "00002.png", [[0]])
    result = run("compare_weak.py", tmp_path / "ours", tmp_path / "official")
    assert result.returncode == 1
    assert "no image id in common" in result.stderr


def test_the_demo_makes_weak_masks_of_a_real_face(tmp_path):
    result = run("demo.py", tmp_path / "demo")
    assert result.returncode == 0, result.stderr
    face = np.asarray(Image.open(tmp_path / "demo" / "face_masks" / "00000.png")) > 0
    assert 0.1 < face.mean() < 0.4
    for recipe, brightest in (("paper", 0), ("released", 2)):
        with Image.open(tmp_path / f"demo/weak_wrinkle_masks_{recipe}/00000/00000.png") as mask:
            assert mask.size == (512, 512)
            levels = np.asarray(mask)
        assert 0.02 < (levels[face] > 10).mean() < 0.2  # lines
        assert not levels[~face].any()
        assert not levels[:80].any()  # hair
        assert levels[230:250, 250:262].min() == brightest  # bright skin between the eyes
    assert (tmp_path / "demo" / "overview.png").exists()


def test_the_sheet_of_augmented_samples_is_drawn(tmp_path):
    result = run("augment_sheet.py", tmp_path / "sheet.jpg")
    assert result.returncode == 0, result.stderr
    sheet = np.asarray(Image.open(tmp_path / "sheet.jpg")).astype(int)
    red = sheet[:, :, 0] - sheet[:, :, 1] > 100
    for row in range(4):
        for column in range(3):
            tile = red[row * 180 : row * 180 + 180, column * 360 : column * 360 + 360]
            assert 150 < np.count_nonzero(tile[:, :180]) < 600  # drawn lines
            assert not tile[:, 185:].any()  # the texture map


# All in one process, for the libraries that they load take longer than they do.
BENCHMARKS = """
import sys
sys.path.insert(0, sys.argv[1])
from benchmark import main
for line in sys.stdin:
    main(line.split(), standalone_mode=False)
    print("=====", flush=True)
"""


def test_the_benchmarks_run():
    said = {
        "build-weak --parser labels --parser bisenet --count 2 --rounds 1": (
            "build-weak labels", "build-weak bisenet", "ratio",
        ),
        "plan --count 30": ("all done   nothing to do",),
        "scaling --count 25 --side 64": ("25 made",),
        "png --rounds 1": ("times as large as Pillow's",),
        "import-labels --tasks 2 --different 2 --rounds 1": ("ms per mask", "memory: "),
    }  # fmt: skip
    command = [sys.executable, "-c", BENCHMARKS, str(TOOLS)]
    result = subprocess.run(command, input="\n".join(said), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for printed, expected in zip(result.stdout.split("=====\n")[:-1], said.values(), strict=True):
        assert all(text in printed for text in expected), printed


def test_annotators_of_the_benchmark_draw_lines_three_pixels_across():
    code = (
        "import sys; import numpy as np; from benchmark_annotators import draw_lines;"
        "sys.stdout.buffer.write(draw_lines(np.random.default_rng(0), 1).tobytes())"
    )
    drawn = subprocess.check_output([sys.executable, "-c", code], cwd=TOOLS)
    line = np.frombuffer(drawn, np.uint8).reshape(1024, 1024) > 0
    random = np.random.default_rng(0)  # the same points as in the benchmark
    steps = random.integers(-40, 41, (7, 2))
    start = random.integers(100, 924, 2)
    length = np.linalg.norm(np.diff(start + steps.cumsum(axis=0), axis=0), axis=1).sum()
    assert 2.4 < line.sum() / length < 3.3  # 4.5 to 5 for OpenCV's thickness of 3
