#!/bin/sh
# The fast gates. All of them run, so that one look shows every fault; the exit code is 1 if any of them found one.
set -u
cd "$(dirname "$0")/../.."
mkdir -p .local
failed=

gate() {
    name=$1
    shift
    printf '%-18s' "$name"
    if "$@" >.local/gate.log 2>&1; then
        echo "ok"
    else
        echo "FAILED"
        sed 's/^/    /' .local/gate.log
        failed="$failed $name,"
    fi
}

gate "ruff check" .venv/bin/ruff check --output-format concise .
gate "ruff format" .venv/bin/ruff format --check .
gate "mypy --strict" .venv/bin/mypy --no-error-summary
gate "import contracts" .venv/bin/lint-imports --no-cache
gate "schemas fresh" ./lumbung contracts check

if [ -n "$failed" ]; then
    echo "Failed:${failed%,}"
    exit 1
fi
