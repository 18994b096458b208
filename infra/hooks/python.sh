#!/bin/sh
# Runs a hook of this folder with the first Python >= 3.11 that is found; nothing needs to be installed for it.
# Usage: sh infra/hooks/python.sh HOOK
here=$(dirname "$0")
for candidate in python3 python py python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$candidate" -I -S -X utf8 "$here" "$1"
    fi
done
echo "No Python 3.11 or newer was found (looked for python3, python and py): install one, then run azd again." >&2
exit 1
