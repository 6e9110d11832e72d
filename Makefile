# Garner: every verb that people use. `make` alone lists them.
PYTHON ?= python3
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
SAM := .local/tools/sam/bin/sam
STACK := $(BIN)/python -m local
need = @$(PYTHON) local/environments.py
export SAM_CLI_TELEMETRY := 0
export PYTHONPATH := layers/shared:.
export PORT AWS_PORT ENGINE_PORT ENGINE OPENSEARCH_URL PERSIST SAMPLE STATE PARAMETERS FUNCTION EVENT PYTHON

.PHONY: help
help: ## What can be done here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16
	@echo; sed -nE 's/^# (Variables of run: .*)/\1/p; s/^#   ([A-Z_]+[ =].*)/  \1/p' $(MAKEFILE_LIST)

# Variables of run: make run NAME=value
#   DETACH=1        return once the stack is ready
#   PORT AWS_PORT ENGINE_PORT   where it listens: 8080, 4566, 9200
#   ENGINE=opensearch           the real OpenSearch instead of the embedded engine (needs a JDK)
#   OPENSEARCH_URL=...          a cluster that is there (OPENSEARCH_AUTH, _USER, _PASSWORD)
#   PERSIST=1       keep the data between runs (with ENGINE=opensearch)
#   PARAMETERS="LeaseSeconds=5"   values for parameters of template.yaml
#   SAMPLE=0        an empty index instead of the sample collection
.PHONY: run
run: ## Start the whole service on this machine, with a real collection in it
	$(need) dev sam ministack layer
	@$(STACK) $(if $(DETACH),detach,run)

.PHONY: stop
stop: ## End a service started with DETACH=1
	$(need) dev
	@$(STACK) stop

.PHONY: test
test: check ## Everything: check, then all suites and the stack end to end
	$(need) dev sam ministack layer portal
	$(BIN)/pytest -q -n 2 --dist loadgroup

.PHONY: check
check: ## Format, lint, types and the template, without running anything
	$(need) dev sam
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

.PHONY: invoke
invoke: ## Run one function on one event: FUNCTION=SearchFunction EVENT=events/api/search_get.json
	$(need) dev
	@$(STACK) invoke

.PHONY: build
build: ## Build for AWS: python3.13 on arm64, whatever machine this is
	$(need) sam
	$(SAM) build

.PHONY: validate
validate: ## Check the template
	$(need) dev sam
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

.PHONY: deploy
deploy: build ## Deploy to AWS with a profile of samconfig.toml: CONFIG=default
	sed -i.bak "/^  Release:/,/^  [A-Z]/ s/Default: .*/Default: '$$(date +%s)'/" .aws-sam/build/template.yaml
	$(SAM) deploy --config-env $(or $(CONFIG),default)

.PHONY: bench
bench: ## Measure on the real engine, over an hour; parts: python -m bench search ingest …
	$(need) dev ministack
	$(BIN)/python -m bench

.PHONY: bench-harvest
bench-harvest: ## A million generated rows through all steps of the harvest, with killed workers
	$(need) dev
	$(BIN)/python -m bench.harvest

.PHONY: bench-upload
bench-upload: ## A million lines by upload into the real engine, then deleted by query; memory
	$(need) dev
	$(BIN)/python -m bench.upload

.PHONY: bench-fairness
bench-fairness: ## A small task beside another index's backlog, on the running stack
	$(need) dev
	$(BIN)/python -m bench.fairness

.PHONY: soak
soak: ## Kill workers and stop the engine under load, then compare every index with its log
	$(need) dev
	$(BIN)/python -m bench.soak $(SOAK)

.PHONY: compliance
compliance: ## Run all suites and write docs/compliance.md from what they proved
	$(need) dev sam ministack layer portal
	$(BIN)/pytest -q -n 2 --dist loadgroup --compliance=docs/compliance.md

.PHONY: lock
UV_COMPILE = .local/tools/uv/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-annotate --no-header $(LOCK_OPTIONS)
lock: ## Renew the lock files (LOCK_OPTIONS=--upgrade for the newest versions)
	$(need) dev
	$(UV_COMPILE) pyproject.toml --output-file layers/dependencies/requirements.txt
	$(UV_COMPILE) pyproject.toml --group dev --output-file locks/dev.txt
	for group in ministack portal sam uv; do $(UV_COMPILE) --group $$group --output-file locks/$$group.txt; done

.PHONY: clean
clean: ## Remove what was built and every environment
	rm -rf .aws-sam .local .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
