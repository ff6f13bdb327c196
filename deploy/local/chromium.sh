#!/bin/sh
# Sees to it that the browser journey of the tests finds a Chromium; as root on Debian it installs one.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Chromium is missing: apt-get install -y chromium (once) ..."
    DEBIAN_FRONTEND=noninteractive apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null
else
    echo "Chromium is missing, so the browser journey cannot run; on Debian: sudo apt-get install -y chromium" >&2
fi
