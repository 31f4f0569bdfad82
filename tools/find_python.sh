#!/bin/sh
# Print the first Python on the PATH that the package supports. The variable PYTHON is tried first.
for python in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
    if [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done
echo "Python 3.11 or newer is required. Install it or name it: make PYTHON=/path/to/python3.11" >&2
exit 1
