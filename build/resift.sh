#!/usr/bin/env bash
# Builds resift into a folder and puts ONNX Runtime's libraries, with their licence, beside it. resift.sh [FOLDER], bin if none.
# VERSION is what `resift version` says; without it git tells.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

environment="$("$root/build/env.sh")"
eval "$environment"
version="${VERSION:-$(git describe --tags --always --dirty 2> /dev/null || echo dev)}"
step "compiling resift $version"
bin="${1:-bin}"
mkdir -p "$bin"
go build -buildvcs=false -ldflags "-X main.version=$version" -o "$bin/resift" ./cmd/resift

# beside FILE NAME: copies by way of a rename, for a running resift has the library mapped.
beside() {
  if [ -f "$1" ] && ! cmp -s "$1" "$bin/$2"; then
    cp "$1" "$bin/$2.new"
    mv -f "$bin/$2.new" "$bin/$2"
  fi
}
folder="$(dirname "$RESIFT_ONNXRUNTIME")"
beside "$RESIFT_ONNXRUNTIME" "$(basename "$RESIFT_ONNXRUNTIME")"
for plugin in shared cuda; do beside "$folder/libonnxruntime_providers_$plugin.so" libonnxruntime_providers_$plugin.so; done
beside "$folder/LICENSE" onnxruntime.LICENSE
beside "$folder/ThirdPartyNotices.txt" onnxruntime.ThirdPartyNotices.txt
