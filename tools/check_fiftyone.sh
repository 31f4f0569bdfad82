#!/bin/sh
# Install FiftyOne, which brings a MongoDB server, in a virtual environment of its own, and import data sets
# that were published for it. FOLDER holds the environment and is temporary by default.
# usage: tools/check_fiftyone.sh PUBLISHED... [FOLDER=/path/of/environment]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=
published=
for argument; do
    case $argument in
        FOLDER=*) folder=${argument#FOLDER=} ;;
        *) published="$published $argument" ;;
    esac
done
[ -n "$published" ] || { sed -n 4p "$0" | cut -c3- >&2; exit 2; }
folder=${folder:-$(mktemp -d)}
"$("$here/find_python.sh")" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check fiftyone
for data in $published; do
    FIFTYONE_DATABASE_DIR="$folder/database" "$folder/bin/python" "$data/import_to_fiftyone.py"
done
