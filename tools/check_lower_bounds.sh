#!/bin/sh
# Run the tests with the oldest versions of our direct dependencies that pyproject.toml allows.
# They are installed in a virtual environment of their own. FOLDER holds it (several GB) and is
# temporary by default.
# usage: tools/check_lower_bounds.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
folder=${1:-$(mktemp -d)}
"$(tools/find_python.sh)" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv
VIRTUAL_ENV=$folder "$folder/bin/uv" pip install --quiet --resolution lowest-direct --editable '.[dev]'
VIRTUAL_ENV=$folder "$folder/bin/uv" pip install --quiet --no-deps deepface==0.0.103
VIRTUAL_ENV=$folder "$folder/bin/uv" pip install --quiet s3fs 'moto[s3]>=5.1' 'flask>=3.0' 'flask-cors>=5.0'
"$folder/bin/python" -m pip list --disable-pip-version-check
"$folder/bin/python" -m pytest
