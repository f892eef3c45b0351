# Celstream: `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
UV_VERSION := 0.13.9
MEMBERS := protos services/platform services/segmenter services/catalog services/evaluator services/renderer services/cli
# A file's tests go to one process: what they share is made once, and they see the same whatever the other does.
SIDE_BY_SIDE := -n 2 --dist loadfile
DEV_MEMBERS := $(MEMBERS) deploy/local deploy/cluster deploy/grafana
MEMBER_FILES := requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
EDITABLE := $(MEMBERS:%=-e %)
DEV_EDITABLE := $(DEV_MEMBERS:%=-e %)
# Compiled now: the process that decodes footage writes nothing, and would compile its libraries for every footage.
PIP_INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c requirements.lock
export PYTHONDONTWRITEBYTECODE ?=
IMAGES ?= $(shell sed -n 's/^FROM runtime AS //p' deploy/images/Dockerfile)
# $(call build_image,TAG): the image $$image of the shell.
build_image = DOCKER_BUILDKIT=1 docker build --quiet $(if $(NETWORK),--network $(NETWORK)) $(if $(BASE),--build-arg BASE=$(BASE)) \
	--build-arg REVISION=$$(git rev-parse --short HEAD) --file deploy/images/Dockerfile --target $$image --tag $(1) .

.PHONY: help run stack test fast-test lint format bench accuracy faults models images cluster cluster-down cluster-test cluster-load push protos lock clean install install-dev

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) not found. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv)."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11. Give another: make PYTHON=python3.12 …"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module (Debian: apt-get install python3-venv)."; exit 2; }
	@echo "Creating $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.run: $(MEMBER_FILES) | $(BIN)/uv
	@echo "Installing Celstream into $(VENV) …"
	@$(PIP_INSTALL) $(EDITABLE)
	@$(BIN)/python -m compileall -q $(MEMBERS)
	@touch $@

$(VENV)/.dev: $(DEV_MEMBERS:%=%/pyproject.toml) $(MEMBER_FILES) $(VENV)/.run | $(BIN)/uv
	@echo "Installing the tools of the tests into $(VENV) …"
	@$(PIP_INSTALL) $(DEV_EDITABLE) --group dev
	@touch $@

install: $(VENV)/.run ## install what `make run` needs
install-dev: $(VENV)/.dev ## install what the tests need as well

run: install ## footage to a dataset: make run [FOOTAGE=film.mp4|folder] [OUT=out]
	@$(BIN)/python -m celstream $(if $(FOOTAGE),run $(FOOTAGE),demo) --out $(OUT)

stack: install-dev ## the real servers on this machine: make stack [DO=up|down|status] [SERVERS="kafka minio"]
	@$(BIN)/celstream-stack $(or $(DO),up) $(SERVERS)

test: install-dev lint ## everything that lands (REAL_FOOTAGE=DIR: on real footage as well)
	@$(BIN)/celstream-stack install || echo "The tests that need it will fail."
	@$(BIN)/python -m pytest -m "not faults and not images and not cluster" $(SIDE_BY_SIDE)

fast-test: install-dev lint ## the tests of a working day, in less than 3 minutes
	@$(BIN)/python -m pytest -m "not faults and not images and not cluster and not slow" $(SIDE_BY_SIDE)

lint: install-dev ## format, lint, types, layering, contracts
	@$(BIN)/ruff format --check --quiet . || { echo "Run 'make format'."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary $(wildcard services/*/celstream*) $(wildcard deploy/*/celstream_*)
	@$(BIN)/lint-imports > .import_linter.log || { cat .import_linter.log; exit 1; }
	@cd protos && ../$(BIN)/buf lint

format: install-dev ## format the code and mend what ruff can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: install-dev ## speed, side by side with baselines; writes tests/benchmarks/results
	@$(BIN)/python -m tests.benchmarks

accuracy: install-dev ## accuracy on footage with truth; writes tests/benchmarks/results
	@$(BIN)/python -m tests.accuracy

faults: install-dev ## the long kill tests
	@$(BIN)/celstream-stack install || echo "The tests that need it will fail."
	@$(BIN)/python -m pytest -m "faults and not cluster"

models: install-dev ## the segmenter's second opinion into a model repository: make models [REPOSITORY=.cache/models]
	@$(BIN)/python -m celstream_stack.transnetv2 $(or $(REPOSITORY),.cache/models)

images: install-dev ## build the images and try them as the chart runs them: make images [BASE=python:3.11-slim]
	@for image in $(IMAGES); do $(call build_image,celstream-$$image:0.1.0) || exit 1; done
	@$(BIN)/python -m pytest -m images tests/images

cluster: install-dev ## a Kubernetes of this machine with the chart on it (root): make cluster [BASE=python:3.11-slim]
	@BASE=$(BASE) $(BIN)/celstream-cluster up

cluster-down: install-dev ## take all of it away
	@$(BIN)/celstream-cluster down

cluster-test: install-dev ## the chart on a cluster: one brought up for it, or another: make cluster-test [KUBECONFIG=FILE [REGISTRY=…]]
	@if [ -n "$$KUBECONFIG" ]; then $(if $(REGISTRY),$(MAKE) --no-print-directory push && )$(BIN)/python -m pytest -m "cluster and not faults" tests/cluster; \
	else BASE=$(BASE) $(BIN)/celstream-cluster run -- $(BIN)/python -m pytest -m "cluster and not faults" tests/cluster; fi

cluster-load: install-dev ## a node under load and attack, and the real autoscalers; writes tests/benchmarks/results
	@BASE=$(BASE) $(BIN)/celstream-cluster run -- $(BIN)/python -m pytest -m "cluster and faults" tests/cluster

push: ## build the images and push them: make push REGISTRY=registry.example/celstream [BASE=python:3.11-slim]
	@[ -n "$(REGISTRY)" ] || { echo "REGISTRY is not set. Give where images go: make push REGISTRY=registry.example/celstream"; exit 2; }
	@for image in $(IMAGES); do \
		$(call build_image,$(REGISTRY)/celstream-$$image:0.1.0) && \
		docker push --quiet $(REGISTRY)/celstream-$$image:0.1.0 || exit 1; done

protos: install-dev ## generate the Python code of the contracts
	@$(BIN)/python protos/generate.py

lock: | $(BIN)/uv ## resolve the dependencies anew into requirements.lock
	@$(BIN)/uv lock --quiet
	@$(BIN)/uv export --quiet --all-packages --no-emit-workspace --no-header --no-annotate -o requirements.lock

clean: ## remove what the other targets made
	@rm -rf $(VENV) $(OUT) .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
