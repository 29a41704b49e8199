#!/usr/bin/env bash
# Gets the native parts, and prints what the Go commands need in their environment, for eval.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/build/require.sh" go cc c++ cargo python3 pip
tokenizers="$("$root/build/tokenizers.sh")"
library="${RESIFT_ONNXRUNTIME:-$("$root/build/onnxruntime.sh")}"
printf 'export RESIFT_CACHE=%q\n' "$cache"
printf 'export CGO_ENABLED=1\n'
# Go's cache knows cgo packages by these words: the same words each time, and quotes only for a folder that needs them.
case "$tokenizers" in *" "*) tokenizers="'-L$tokenizers'" ;; *) tokenizers="-L$tokenizers" ;; esac
case " ${CGO_LDFLAGS:-} " in *" $tokenizers "*) tokenizers= ;; esac
printf 'export CGO_LDFLAGS=%q\n' "$tokenizers${CGO_LDFLAGS:+${tokenizers:+ }$CGO_LDFLAGS}"
printf 'export RESIFT_ONNXRUNTIME=%q\n' "$library"
model="${RESIFT_TEST_MODEL:-$cache/models/ms-marco-MiniLM-L-12-v2}"
if [ -d "$model" ]; then printf 'export RESIFT_TEST_MODEL=%q\n' "$model"; fi
