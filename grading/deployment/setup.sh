#!/usr/bin/env bash
# Gradescope runs this once, when it builds the container of an assignment.
set -euo pipefail

source=${AUTOGRADER:-/autograder}/source
cd "$source/grader"

apt-get update -q
apt-get install -yq --no-install-recommends bubblewrap python3-venv

supported='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
python=python3
if ! "$python" -c "$supported"; then
    apt-get install -yq --no-install-recommends python3.11 python3.11-venv
    python=python3.11
fi
"$python" -m venv .boot
.boot/bin/pip install -q hatch
.boot/bin/hatch run python --version

# The solutions are for the judge only, should the container refuse a sandbox.
chmod -R go-rwx packages
