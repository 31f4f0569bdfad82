#!/bin/sh
# Install Label Studio in a virtual environment of its own, start it on 127.0.0.1, and test that masks
# which export-labels writes come back through it and import-labels with the same pixels.
# FOLDER holds the environment and the server's data (2 GB), and is temporary by default.
# usage: tools/check_label_studio.sh [FOLDER]
set -eu
cd "$(dirname "$0")/.."
folder=${1:-$(mktemp -d)}
port=${PORT:-8089}
token=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
if [ ! -x "$folder/bin/label-studio" ]; then
    "$(tools/find_python.sh)" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check label-studio
fi
"$folder/bin/python" -m pip list --disable-pip-version-check 2>/dev/null | grep -i '^label-studio'
LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN=true COLLECT_ANALYTICS=False LATEST_VERSION_CHECK=False \
    LABEL_STUDIO_BASE_DATA_DIR="$folder/data" "$folder/bin/label-studio" start --no-browser \
    --internal-host 127.0.0.1 --port "$port" --username check@example.org --password "$token" \
    --user-token "$token" >"$folder/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT INT TERM
"${PYTHON:-.venv/bin/python}" tools/label_studio_round_trip.py "http://127.0.0.1:$port" "$token"
