#!/bin/sh
# fetch.sh [DIRECTORY]: downloads Debian's dict-foldoc, checks it, and unpacks what make.py reads into DIRECTORY (default: .foldoc).
set -eu
version=20230119-1
sha256=745cbedb55c2da609cc88ee0284e9d11a67a11ae3709daf7bad0e895ac3294c3
directory=${1:-"$(dirname "$0")/.foldoc"}

mkdir -p "$directory"
cd "$directory"
package=dict-foldoc_${version}_all.deb
[ -f "$package" ] || apt-get download "dict-foldoc=$version"
echo "$sha256  $package" | sha256sum --check --quiet
dpkg-deb --extract "$package" .
echo "unpacked $package: $PWD/usr/share/dictd"
