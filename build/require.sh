#!/usr/bin/env bash
# require.sh TOOL...: tells every tool of those named that is missing or too old, and the way to get it, all at once.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

problems=()

# lacking WHAT DEBIAN MACOS: notes a problem and its two remedies.
lacking() { problems+=("  $1"$'\n'"      Debian: $2"$'\n'"      macOS:  $3"); }

# atleast WANT HAVE: compares versions number by number.
atleast() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$1" ]; }

# number TEXT: the first MAJOR.MINOR in it.
number() { sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' <<< "$1" | head -n 1; }

# runs COMMAND...: whether it is there and works; some systems ship names that only ask for an installation.
runs() { "$@" > /dev/null 2>&1; }

require() {
  case "$1" in
    go)
      # From 1.21 on, go fetches the release that go.mod names.
      if ! runs go version || ! atleast 1.21 "$(number "$(go env GOVERSION)")"; then
        lacking "go 1.21 or later" "https://go.dev/doc/install" "brew install go"
      fi ;;
    cargo)
      if ! runs cargo --version || ! atleast 1.85 "$(number "$(cargo --version)")"; then
        lacking "cargo 1.85 or later" "https://rustup.rs" "brew install rust, or https://rustup.rs"
      fi ;;
    cc) runs cc --version || lacking "cc, a C compiler" "apt-get install gcc" "xcode-select --install" ;;
    c++) runs c++ --version || lacking "c++, a C++ compiler" "apt-get install g++" "xcode-select --install" ;;
    python3) runs python3 --version || lacking python3 "apt-get install python3" "brew install python" ;;
    pip) runs python3 -m pip --version || lacking "pip for python3" "apt-get install python3-pip" "brew install python" ;;
    mvn) command -v mvn > /dev/null || lacking "mvn, Maven" "apt-get install maven" "brew install maven" ;;
    node)
      if ! runs node --version || ! atleast 20.0 "$(number "$(node --version)")"; then
        lacking "node 20 or later" "https://nodejs.org" "brew install node"
      fi ;;
    npm) runs npm --version || lacking npm "apt-get install npm" "brew install node" ;;
    *) fail "require.sh knows no tool $1" ;;
  esac
}

for tool in "$@"; do require "$tool"; done
if [ ${#problems[@]} -gt 0 ]; then
  printf 'resift needs what is not here:\n' >&2
  printf '%s\n' "${problems[@]}" >&2
  exit 1
fi
