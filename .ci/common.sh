# The part that all jobs have in common; sourced by each of them, and safe to source again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Jobs that .ci/run starts show the time since its start.
export CI_STARTED=${CI_STARTED:-$(date +%s)}

clock() {
    local seconds=$(($(date +%s) - CI_STARTED))
    printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

step() {
    printf '\n=== [%s] %s\n' "$(clock)" "$*"
    "$@"
}

find_python() {
    for candidate in python3 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "no Python 3.11, 3.12 or 3.13 found" >&2
    return 1
}

# The README's bootstrap: `.boot` with hatch, and the system's programs that tests use.
bootstrap() {
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python cannot make virtual environments (Debian: apt install python3-venv)" >&2
        exit 1
    fi

    # The grader's sandbox, best effort: without it the grader makes one itself, or says what it
    # lacks.
    if ! command -v bwrap >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        { apt-get update -qq && apt-get install -qq -y bubblewrap; } >/dev/null 2>&1 || true
    fi

    # A browser for the tests of the app, best effort: without one they are skipped and say so.
    if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; } \
            >/dev/null 2>&1 || true
    fi

    step "$python" -m venv .boot
    step .boot/bin/pip install -q hatch
}

# Further Pythons: pyenv shows only the versions that are asked for.
show_all_pythons() {
    if command -v pyenv >/dev/null; then
        PYENV_VERSION=$(pyenv versions --bare | paste -sd:)
        export PYENV_VERSION
    fi
}

# .ci/run and each job that is started alone begin with this.
if [ -z "${CI_BOOTSTRAPPED:-}" ]; then
    bootstrap
    export CI_BOOTSTRAPPED=1
fi
