#!/usr/bin/env bash
# Gets ONNX Runtime's CPU library for this platform into the cache, and prints its path.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=1.32.0
case "$os/$arch" in
  linux/amd64) platform=manylinux_2_28_x86_64 library=libonnxruntime.so.$version ;;
  linux/arm64) platform=manylinux_2_28_aarch64 library=libonnxruntime.so.$version ;;
  darwin/arm64) platform=macosx_14_0_arm64 library=libonnxruntime.$version.dylib ;;
  *) fail "ONNX Runtime is not packaged for $os/$arch; build it, and name the library in RESIFT_ONNXRUNTIME" ;;
esac
folder="$cache/onnxruntime/$version-$os-$arch"

# The library is moved last: where it is, everything is.
if [ ! -f "$folder/$library" ] || [ ! -f "$folder/LICENSE" ]; then
  "$root/build/require.sh" python3 pip
  step "fetching ONNX Runtime $version for $os/$arch (about 20 MB)"
  scratch
  wheel "$root/build/onnxruntime.txt" --platform "$platform" --implementation cp --python-version 3.12
  unpack
  mkdir -p "$folder"
  mv -f "$work/files/onnxruntime/LICENSE" "$work/files/onnxruntime/ThirdPartyNotices.txt" "$folder/"
  mv -f "$work/files/onnxruntime/capi/$library" "$folder/$library"
fi
echo "$folder/$library"
