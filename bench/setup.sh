#!/usr/bin/env bash
# Makes what `make bench` compares with: the model in int8, and a virtual environment for bench/python, both in the cache.
source "$(dirname "${BASH_SOURCE[0]}")/../build/common.sh"

model=ms-marco-MiniLM-L-12-v2
if [ ! -f "$cache/models/$model-int8/resift.json" ]; then
  step "converting $model to int8"
  "$root/bin/resift" model import "$("$root/build/model.sh" $model)" -o "$cache/models/$model-int8" --precision int8 >&2
fi

environment "$cache/bench" "$root/bench/python/requirements.txt" "ONNX Runtime and tokenizers for Python (about 40 MB)"
