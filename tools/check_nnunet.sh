#!/bin/sh
# Install nnU-Net in a virtual environment of its own, and have it check data sets that were published
# for it. FOLDER holds the environment (several GB) and is temporary by default.
# usage: tools/check_nnunet.sh PUBLISHED... [FOLDER=/path/of/environment]
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
# It does not take PyTorch 2.9.
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'nnunetv2>=2.8'
# It warns without these, although the check does not use them.
export nnUNet_raw=. nnUNet_preprocessed=. nnUNet_results=.
for data in $published; do
    "$folder/bin/python" "$here/check_nnunet.py" "$data"
done
