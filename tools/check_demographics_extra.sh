#!/bin/sh
# Install the extra `demographics` in a virtual environment of its own and test that it works and that
# OpenCV does: with both of its wheels, without DeepFace, without the second wheel, and with DeepFace
# beside one wheel only. FOLDER holds the environment (several GB) and is temporary by default.
# usage: tools/check_demographics_extra.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
folder=${1:-$(mktemp -d)}
"$(tools/find_python.sh)" -m venv "$folder"
python=$folder/bin/python
pip="$python -m pip --quiet --disable-pip-version-check"

opencv() {
    echo "== $1"
    $python -m pip --disable-pip-version-check list 2>/dev/null | grep -i -E '^(opencv|deepface)' || true
    $python -c 'import cv2, cv2.version as v; print("cv2", cv2.__version__, "contrib", v.contrib)'
    # shellcheck disable=SC2086 - several files
    $python -m pytest -q $2
}

$pip install --editable '.[demographics]' onnx pytest pytest-xdist
$python -c 'import importlib.util as u; assert not u.find_spec("tensorflow"), "TensorFlow was installed too"'
$python -m pip check
# The first line of DeepFace's own documentation, which fails without werkzeug.
DEEPFACE_HOME=$folder $python -c 'from deepface import DeepFace'
opencv "the extra installed: two wheels" "tests/demographics/test_race.py tests/commands/test_demographics.py tests/weak_labels/test_texture.py"

$pip uninstall --yes deepface retina-face
opencv "DeepFace removed" tests/weak_labels/test_texture.py

$pip uninstall --yes opencv-contrib-python-headless
if $python -c 'import cv2; cv2.GaussianBlur' 2>/dev/null; then
    echo "cv2 still works without the second wheel, which docs/install.md denies: correct it" >&2
    exit 1
fi
$pip install --force-reinstall --no-deps opencv-python
opencv "the second wheel removed, the first one reinstalled" tests/weak_labels/test_texture.py

$pip install --no-deps deepface==0.0.103
opencv "DeepFace beside one wheel" "tests/demographics/test_race.py tests/commands/test_demographics.py"
