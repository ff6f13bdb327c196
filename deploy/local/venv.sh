#!/bin/sh
# Makes or refreshes .venv from requirements.txt; does nothing, at once, when it is fresh.
# Needs only a Python from 3.11 to 3.13. Every package is pinned with its hash, the installer (uv) too.
set -eu
cd "$(dirname "$0")/../.."

stamp=.venv/.synced
wanted=$(cat requirements.txt deploy/local/uv-requirements.txt | cksum)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

# A distribution's own Python comes first: it is built with profiles of real programs, and runs ours by a third faster
# than one that was compiled here without them, as pyenv does.
usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}
python=
without_venv=
for candidate in ${PYTHON:-/usr/bin/python3.11 /usr/bin/python3.12 /usr/bin/python3.13 python3.11 python3.12 python3.13 python3}; do
    if usable "$candidate"; then
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            break
        fi
        without_venv=${without_venv:-$candidate}
    fi
done
if [ -z "$python" ] && [ -n "$without_venv" ]; then
    python=$without_venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "The venv module of $python is missing: apt-get install -y python3-venv ..."
        DEBIAN_FRONTEND=noninteractive apt-get -qq update
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null
    else
        echo "The venv module of $python is missing; on Debian: sudo apt-get install -y python3-venv" >&2
        exit 1
    fi
fi
if [ -z "$python" ]; then
    echo "Lumbung needs Python 3.11, 3.12 or 3.13, and none was found (on Debian: apt-get install -y python3 python3-venv); PYTHON=/path/to/python names another." >&2
    exit 1
fi

installer_stamp=.local/tools/.synced
installer_wanted=$(cksum <deploy/local/uv-requirements.txt)
if [ ! -x .local/tools/bin/uv ] || [ "$(cat "$installer_stamp" 2>/dev/null)" != "$installer_wanted" ]; then
    echo "Installing uv into .local/tools ..."
    mkdir -p .local
    "$python" -m venv --clear .local/tools
    .local/tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement deploy/local/uv-requirements.txt
    echo "$installer_wanted" >"$installer_stamp"
fi

echo "Installing the pinned packages into .venv ..."
if [ ! -x .venv/bin/python ]; then
    UV_PYTHON_DOWNLOADS=never .local/tools/bin/uv venv --quiet --no-project --clear --python "$python" .venv
fi
.local/tools/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.txt
echo "$wanted" >"$stamp"
