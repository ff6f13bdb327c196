#!/bin/sh
# Lints docker-compose.yml with dclint, pinned, installed once into .local by npm.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is missing, so docker-compose.yml was not linted (on Debian: apt-get install -y npm)." >&2
    exit 1
fi
folder=.local/dclint
if [ ! -x "$folder/node_modules/.bin/dclint" ]; then
    mkdir -p "$folder"
    npm install --silent --no-audit --no-fund --prefix "$folder" dclint@3.1.0
fi
exec "$folder/node_modules/.bin/dclint" --config deploy/compose/dclint.json docker-compose.yml
