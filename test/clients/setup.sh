#!/usr/bin/env bash
# Installs the client libraries that `make test-clients` tries, in the cache, and prints the folder.
source "$(dirname "${BASH_SOURCE[0]}")/../../build/common.sh"

here="$root/test/clients"
folder="$cache/clients"
"$root/build/require.sh" go python3 pip node npm
mkdir -p "$folder"

# A virtual environment each: two versions of one library are among them. The requirements are copied last: where they are
# equal, everything is.
for name in elasticsearch-8 elasticsearch-9 opensearch; do
  if ! cmp -s "$here/python/$name.txt" "$folder/$name/requirements.txt"; then
    step "fetching $name for Python"
    rm -rf "${folder:?}/$name"
    python3 -m venv "$folder/$name" || fail "python3 has no working venv; Debian: apt-get install python3-venv"
    "$folder/$name/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
      --requirement "$here/python/$name.txt" >&2
    cp "$here/python/$name.txt" "$folder/$name/requirements.txt"
  fi
done

# Node looks for packages beside the file that imports them: the programs are copied to where the packages are.
mkdir -p "$folder/js"
if ! cmp -s "$here/js/package-lock.json" "$folder/js/installed.json"; then
  step "fetching the clients for Node.js"
  cp "$here"/js/package*.json "$folder/js"
  npm ci --prefix "$folder/js" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp "$here/js/package-lock.json" "$folder/js/installed.json"
fi
cp "$here"/js/*.js "$folder/js"

(cd "$here/go" && GOWORK=off go build -o "$folder/go-clients" .)
printf '%s\n' "$folder"
