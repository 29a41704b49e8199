#!/usr/bin/env bash
# Compiles the launchers that this folder embeds, so that a machine with a bare JRE can boot the engines. Needs a JDK of
# 21 or later, and the engines' jars in the cache (`make engines` fetches them).
set -euo pipefail
cd "$(dirname "$0")/recipes"

jars="${RESIFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/resift}/engines"

# compile RECIPE JARS RELEASE: RELEASE is the oldest Java that the engine itself boots on.
compile() {
  echo "compiling $1 for Java $3"
  javac -Xlint:all,-classfile,-options -proc:none -g:none --release "$3" -cp "$jars/$2/lib/*" -d "$1" "$1/Launcher.java"
}

compile opensearch-3.8 opensearch-3.8.0 21
compile opensearch-2.19 opensearch-2.19.6 17
compile elasticsearch-9.5 elasticsearch-9.5.3 21
compile elasticsearch-8.19 elasticsearch-8.19.21 17
compile elasticsearch-7.17 elasticsearch-7.17.29 17

echo "compiling thai for Java 17"
javac -Xlint:all,-options -proc:none -g:none --release 17 -d thai thai/ThaiLetters.java
