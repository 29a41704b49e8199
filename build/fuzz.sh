#!/usr/bin/env bash
# Runs every fuzz target for a while. fuzz.sh [TIME], such as 10s.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

time="${1:-10s}"
packages="$(go list ./...)"
for package in $packages; do
  targets="$(go test -list '^Fuzz' "$package" | sed -n '/^Fuzz/p')"
  for target in $targets; do
    step "$package $target for $time"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
  done
done
