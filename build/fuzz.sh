#!/usr/bin/env bash
# Runs every fuzz target for a while. fuzz.sh [TIME], such as 10s.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
cd "$root"

time="${1:-10s}"
folders="$(grep -rl --include '*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u)"
for folder in $folders; do
  for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$folder"/*_test.go); do
    step "$folder $target for $time"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$folder"
  done
done
