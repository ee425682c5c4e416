#!/bin/sh
# Print the interpreter that set-up uses: the newest Python >= 3.11 that can make an environment.
# `PYTHON=...` chooses another. Each candidate is run, because a name on PATH may be only a shim.
for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3 python; do
    # Outside any environment: a .venv made by a .venv breaks when that one goes.
    found=$("$candidate" -c '
import ensurepip, sys, venv
if sys.version_info < (3, 11):
    sys.exit(1)
print(getattr(sys, "_base_executable", "") or sys.executable)' 2>/dev/null) || continue
    printf '%s\n' "$found"
    exit 0
done
echo "Moorage needs Python 3.11 or newer with its venv module (on Debian: python3 and python3-venv), and found none." >&2
echo "Install one, or name it: make run PYTHON=/path/to/python3" >&2
exit 1
