#!/usr/bin/env bash
# Gets ONNX Runtime's library with CUDA into the cache, and prints its path. CUDA's own libraries are not in it: docs/gpu.md.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=1.31.1
case "$os/$arch" in
  linux/amd64) ;;
  *) fail "ONNX Runtime with CUDA is not packaged for $os/$arch; build it, and name the library in RESIFT_ONNXRUNTIME" ;;
esac
folder="$cache/onnxruntime-gpu/$version-$os-$arch" # not in onnxruntime/, where programs without a GPU look
library=libonnxruntime.so.$version

# The library is moved last: where it is, everything is.
if [ ! -f "$folder/$library" ]; then
  "$root/build/require.sh" python3 pip
  step "fetching ONNX Runtime $version with CUDA (256 MB)"
  scratch
  wheel "$root/build/onnxruntime-gpu.txt" --platform manylinux_2_28_x86_64 --implementation cp --python-version 3.12
  unpack
  mkdir -p "$folder"
  mv -f "$work/files/onnxruntime/LICENSE" "$work/files/onnxruntime/ThirdPartyNotices.txt" "$folder/"
  mv -f "$work"/files/onnxruntime/capi/libonnxruntime_providers_{shared,cuda}.so "$folder/"
  mv -f "$work/files/onnxruntime/capi/$library" "$folder/$library"
fi
echo "$folder/$library"
