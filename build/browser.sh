#!/usr/bin/env bash
# browser.sh: prints the paths of Chromium and its driver, a line each, for the tests of resift's pages. On Debian, as root, what is
# missing is installed. Prints nothing where there is no browser: those tests are then skipped, and say so.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

found() { command -v chromium > /dev/null && command -v chromedriver > /dev/null; }

if ! found && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
  step "installing Debian's chromium and chromium-driver, for the tests of pages"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium chromium-driver fonts-dejavu-core; } > /dev/null 2>&1 ||
    step "they could not be installed"
fi
if found; then
  command -v chromium
  command -v chromedriver
else
  step "no chromium with chromedriver here: the tests of pages are skipped"
fi
