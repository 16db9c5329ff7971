#!/usr/bin/env bash
# Print the path of Autobahn's `wstest`, installing it first where needed.
#
# usage: tests/autobahn/setup.sh [PYTHON3]
#
# The suite is Python 2 code, so it lives in a Python 2.7 environment of its own,
# in the user's cache: VOXSYNC_AUTOBAHN, else ${XDG_CACHE_HOME:-~/.cache}/voxsync-autobahn.
# Exit status: 0 installed, 3 no Python 2.7 on this machine, else it failed.
set -euo pipefail

python3=${1:-python3}
home=${VOXSYNC_AUTOBAHN:-${XDG_CACHE_HOME:-$HOME/.cache}/voxsync-autobahn}
wstest=$home/py27/bin/wstest

works() { # a pyenv shim exists also where its version is not selected
    [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' \
        >/dev/null 2>&1
}

python27() {
    local root candidate
    root=${PYENV_ROOT:-$(pyenv root 2>/dev/null || echo "$HOME/.pyenv")}
    for candidate in "${PYTHON27:-}" "$(command -v python2.7 || true)" \
        "$root"/versions/2.7*/bin/python2.7; do
        if works "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if "$wstest" --help >/dev/null 2>&1; then
    echo "$wstest"
    exit 0
fi
if ! found=$(python27); then
    echo "no Python 2.7 found: set PYTHON27, or install one with pyenv" >&2
    exit 3
fi
rm -rf "$home"
mkdir -p "$home"
{
    "$python3" -m venv "$home/py3"
    # The last virtualenv that makes Python 2.7 environments.
    "$home/py3/bin/pip" install --quiet 'virtualenv<20.22'
    "$home/py3/bin/virtualenv" --quiet --python "$found" "$home/py27"
    "$home/py27/bin/pip" install --quiet autobahntestsuite
    "$wstest" --help >/dev/null
} >"$home/setup.log" 2>&1 || {
    tail -n 20 "$home/setup.log" >&2
    exit 1
}
echo "$wstest"
