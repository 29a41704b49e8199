#!/usr/bin/env bash
# Makes OpenSearch 2.19's plugins ml-commons and neural-search, and those they need, ready for the engine of package engines,
# in the cache, and prints the folder. They come from Maven Central and are checked by sha256.
source "$(dirname "${BASH_SOURCE[0]}")/../../build/common.sh"

here="$root/test/mlcommons"
folder="$cache/mlcommons"
# The script and the sums are copied last: where they are equal, everything is.
if ! cat "$here/plugins.sha256" "$here/setup.sh" | cmp -s - "$folder/made-by"; then
  "$root/build/require.sh" mvn python3
  step "fetching OpenSearch's ml-commons (400 MB, once)"
  scratch
  cp "$here/pom.xml" "$work"
  (cd "$work" && mvn --batch-mode --quiet -Dstyle.color=never dependency:copy-dependencies -DoutputDirectory="$work/files") >&2
  python3 - "$here/plugins.sha256" "$work/files" <<'PYTHON' || fail "a plugin is not the one that is pinned"
import hashlib, os, sys
for line in open(sys.argv[1]):
    want, name = line.split()
    got = hashlib.sha256(open(os.path.join(sys.argv[2], name), "rb").read()).hexdigest()
    if got != want:
        sys.exit(f"{name}: sha256 {got}, want {want}")
PYTHON
  mkdir -p "$work/out/plugins"
  for zip in "$work"/files/*.zip; do
    python3 -m zipfile -e "$zip" "$work/out/plugins/$(basename "$zip" .zip)"
  done
  # Classes that the engine's own class path has: OpenSearch refuses to load one twice. Local models are not what is tried.
  ml="$work/out/plugins/opensearch-ml-plugin-2.19.6.0"
  rm "$ml"/onnxruntime_gpu-*.jar "$ml"/{commons-logging,commons-codec,error_prone_annotations,httpasyncclient,httpclient,httpcore,httpcore-nio,opensearch-rest-client,asm}-[0-9]*.jar \
    "$ml"/netty-{buffer,codec,codec-http,common,handler,resolver,transport,transport-native-unix-common}-[0-9]*.jar
  # k-NN extends Painless, which this engine has on its class path and not as a module. Its scripts are not what is tried.
  knn="$work/out/plugins/opensearch-knn-2.19.6.0/plugin-descriptor.properties"
  grep -v '^extended.plugins=' "$knn" >"$work/descriptor" && mv "$work/descriptor" "$knn"
  python3 -m zipfile -e "$work"/files/opensearch-plugin-classloader-*.jar "$work/out/classes"
  rm -rf "$work/out/classes/META-INF" "$folder"
  mv "$work/out" "$folder"
  cat "$here/plugins.sha256" "$here/setup.sh" >"$folder/made-by"
fi
printf '%s\n' "$folder"
