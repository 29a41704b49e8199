#!/usr/bin/env bash
# Installs the libraries that `make test-rerank-clients` tries, in the cache, and prints the folder.
source "$(dirname "${BASH_SOURCE[0]}")/../../build/common.sh"

requirements="$root/test/rerankclients/python/requirements.txt"
folder="$cache/rerank-clients"
# The requirements are copied last: where they are equal, everything is.
if ! cmp -s "$requirements" "$folder/requirements.txt"; then
  "$root/build/require.sh" python3 pip
  step "fetching the rerank clients for Python"
  rm -rf "$folder"
  python3 -m venv "$folder" || fail "python3 has no working venv; Debian: apt-get install python3-venv"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$requirements" >&2
  cp "$requirements" "$folder/requirements.txt"
fi
printf '%s\n' "$folder"
