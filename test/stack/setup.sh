#!/usr/bin/env bash
# Compiles Prometheus, promtool and the OpenTelemetry Collector into the cache, and prints their folder. Their sources are Go modules,
# some 250 MB; compiling them takes some five minutes.
source "$(dirname "${BASH_SOURCE[0]}")/../../build/common.sh"

here="$root/test/stack"
folder="$cache/stack"
sources=("$here"/{prometheus,collector}/go.{mod,sum} "$here/collector/main.go" "${BASH_SOURCE[0]}")

# What it was made of is written last: where that is right, everything is.
if ! cmp -s <(cat "${sources[@]}") "$folder/made-of"; then
  "$root/build/require.sh" go
  scratch
  export CGO_ENABLED=0 GOWORK=off
  step "compiling Prometheus"
  # Of its ways to find targets, the one that deploy/prometheus/prometheus.yml uses.
  go -C "$here/prometheus" build -trimpath -tags remove_all_sd,enable_dns_sd -ldflags '-s -w' -o "$work/" \
    github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
  step "compiling the OpenTelemetry Collector"
  go -C "$here/collector" build -trimpath -ldflags '-s -w' -o "$work/" .
  mkdir -p "$folder"
  mv -f "$work"/{prometheus,promtool,collector} "$folder/"
  cat "${sources[@]}" > "$folder/made-of"
fi
echo "$folder"
