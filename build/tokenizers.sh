#!/usr/bin/env bash
# Builds libtokenizers.a from the Rust source in the Go module daulet/tokenizers, and prints the folder it is in.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

"$root/build/require.sh" go
module=github.com/daulet/tokenizers
version="$(go list -m -f '{{.Version}}' $module)"
folder="$cache/tokenizers/$version-$os-$arch"

if [ ! -f "$folder/libtokenizers.a" ]; then
  "$root/build/require.sh" cargo cc c++
  go mod download $module
  source="$(go list -m -f '{{.Dir}}' $module)"
  scratch
  cp -R "$source/src" "$work/src"
  # The module takes tiktoken-rs from a git branch and has no lock file that fits; the published one does, and is
  # pinned with all it needs in tokenizers.Cargo.lock. Its benchmarks and what they need are left out.
  sed -e 's|^tiktoken-rs = .*|tiktoken-rs = "0.7.0"|' -e '/^\[dev-dependencies\]/,$d' "$source/Cargo.toml" > "$work/Cargo.toml"
  cp "$root/build/tokenizers.Cargo.lock" "$work/Cargo.lock"
  chmod -R u+w "$work"
  quiet=--quiet
  if [ -t 2 ]; then quiet=; fi
  step "fetching the Rust packages of tokenizers"
  cargo fetch $quiet --locked --manifest-path "$work/Cargo.toml"
  step "compiling tokenizers $version from Rust (1 to 4 minutes)"
  cargo build $quiet --release --locked --manifest-path "$work/Cargo.toml" --target-dir "$work/target"
  mkdir -p "$folder"
  mv -f "$work/target/release/libtokenizers.a" "$folder/libtokenizers.a"
fi
echo "$folder"
