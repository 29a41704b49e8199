#!/usr/bin/env bash
# Makes what `make bench` compares with: the model in int8, and a virtual environment for bench/python, both in the cache.
source "$(dirname "${BASH_SOURCE[0]}")/../build/common.sh"

model=ms-marco-MiniLM-L-12-v2
if [ ! -f "$cache/models/$model-int8/resift.json" ]; then
  step "converting $model to int8"
  "$root/bin/resift" model import "$("$root/build/model.sh" $model)" -o "$cache/models/$model-int8" --precision int8 >&2
fi

requirements="$root/bench/python/requirements.txt"
folder="$cache/bench"
# The requirements are copied last: where they are equal, everything is.
if ! cmp -s "$requirements" "$folder/requirements.txt"; then
  "$root/build/require.sh" python3 pip
  step "fetching ONNX Runtime and tokenizers for Python (about 40 MB)"
  rm -rf "$folder"
  python3 -m venv "$folder" || fail "python3 has no working venv; Debian: apt-get install python3-venv"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$requirements" >&2
  cp "$requirements" "$folder/requirements.txt"
fi
