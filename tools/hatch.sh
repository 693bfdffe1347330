#!/bin/sh
# Run hatch from wherever this checkout has it: the environment around us, PATH, or `.boot`.
# A git hook is started without any of the environments on its PATH.
for candidate in hatch .boot/bin/hatch .boot/Scripts/hatch.exe; do
    if command -v "$candidate" >/dev/null 2>&1; then
        exec "$candidate" "$@"
    fi
done
echo "hatch not found: python3 -m venv .boot && .boot/bin/pip install -q hatch" >&2
exit 127
