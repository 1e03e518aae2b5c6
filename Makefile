# Everything that people and CI run. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

CACHE := $(or $(SERINUS_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/serinus)
PYTHON ?= python3
BIN := .venv/bin
CLUSTER := $(PYTHON) -m tests.cluster
# The name of the cluster that make demo, cluster, shell and down speak of.
NAME ?= dev
# Who runs a whole cluster: native or kind; empty means kind where a Docker engine answers, else native.
DRIVER ?=
export DRIVER
# Two test processes: one for each core of the smallest machine that this must run on.
WORKERS ?= 2
CORE := operator/src/serinus/core tests/core
FAST := not api_server and not crash and not cluster and not whole and not statistics

##@ Use it

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: venv ## Five versions of a model, rolled out on a whole cluster: 5 minutes, 25 the first time (NAME=dev)
	@$(BIN)/python -m examples.demo --name $(NAME)

##@ Clusters (a real Kubernetes, by DRIVER=native or DRIVER=kind: docs/cluster.md)

.PHONY: cluster
cluster: ## Start a whole cluster: kubelet, Envoy, Prometheus, 8 fake GPUs; 15 minutes the first time (NAME=dev)
	@$(CLUSTER) up --name $(NAME) --shape whole

.PHONY: control-plane
control-plane: ## Start only a control plane with KWOK nodes (NAME=dev)
	@$(CLUSTER) up --name $(NAME) --shape control-plane

.PHONY: shell
shell: ## A shell inside the cluster: KUBECONFIG, PATH and network are set (NAME=dev)
	@$(CLUSTER) shell --name $(NAME)

.PHONY: down
down: ## Take the cluster away without a trace (NAME=dev)
	@$(CLUSTER) down --name $(NAME)

##@ Test it

.PHONY: test
test: lint test-fast coverage test-statistics test-api-server test-crash test-cluster test-whole ## Everything that CI runs: about 40 minutes once a cluster was built

.PHONY: test-fast
test-fast: venv ## Unit, property and golden tests; no cluster
	$(BIN)/pytest -n $(WORKERS) -m '$(FAST)' --doctest-modules operator/src tests --ignore tests/benchmarks -q

.PHONY: coverage
coverage: venv ## The core's own tests once more, watched: at least 95 % of its branches
	@# Apart from test-fast: watched, the same tests take more than twice as long.
	$(BIN)/pytest -n $(WORKERS) -m '$(FAST)' --doctest-modules $(CORE) --cov --cov-report=term:skip-covered --cov-fail-under=95 -q

.PHONY: test-statistics
test-statistics: venv ## The judge in thousands of simulated rollouts, and its machine code against core
	@# A worker that is done takes over what another has before it: some of these take half a minute each.
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m statistics tests -q

.PHONY: test-api-server
test-api-server: venv ## Rollouts, faults, client, lease, watches, chart on a real API server, controllers, Prometheus
	@trap '$(CLUSTER) down --name test-api' EXIT; \
	$(CLUSTER) up --name test-api --shape control-plane; \
	$(CLUSTER) exec --name test-api -- $(CURDIR)/$(BIN)/pytest -n 7 --dist loadgroup -m 'api_server and not alone' tests -q; \
	$(CLUSTER) exec --name test-api -- $(CURDIR)/$(BIN)/pytest -m 'api_server and alone' tests -q

.PHONY: test-crash
test-crash: venv ## Kill the operator just before and just after each of its writes
	@trap '$(CLUSTER) down --name test-crash' EXIT; \
	$(CLUSTER) up --name test-crash --shape control-plane; \
	$(CLUSTER) exec --name test-crash -- $(CURDIR)/$(BIN)/pytest -m crash tests -q

.PHONY: test-cluster
test-cluster: venv ## The test clusters themselves: they come, go, and leave nothing
	$(BIN)/pytest -m cluster tests -q

.PHONY: test-whole
test-whole: venv ## Roll out on the whole cluster: real pods, Envoy, Prometheus, our image and chart
	@trap '$(CLUSTER) down --name test-whole' EXIT; \
	$(CLUSTER) up --name test-whole --shape whole; \
	$(CLUSTER) image --name test-whole Dockerfile localhost/serinus/operator:whole; \
	$(CLUSTER) image --name test-whole tests/images/httpmodel/Dockerfile localhost/serinus/httpmodel:whole; \
	$(CLUSTER) exec --name test-whole -- $(CURDIR)/$(BIN)/pytest -m whole tests/whole -q

.PHONY: mutants
mutants: venv ## Delete each rule of core/decide.py in turn: a test must fail for each
	$(BIN)/python -m tests.mutants

##@ Measure it (prints a table, writes it to docs/; needs a quiet machine)

.PHONY: bench-statistics
bench-statistics: venv ## The judge against its peers and the bound: docs/benchmark.md (QUICK=1: 3 min, writes nothing)
	@QUICK=$(QUICK) $(BIN)/python -m benchmarks.statistics $(BENCH)

.PHONY: bench-control-plane
bench-control-plane: venv ## CPU, memory, queries, API calls and speed with 100 rollouts in analysis
	@trap '$(CLUSTER) down --name bench-cp' EXIT; \
	$(CLUSTER) up --name bench-cp --shape control-plane; \
	$(CLUSTER) exec --name bench-cp -- $(CURDIR)/$(BIN)/python -m benchmarks.control_plane $(BENCH)

.PHONY: bench-cluster
bench-cluster: venv ## Lost requests and the speed of a rollback, through a real Envoy
	@trap '$(CLUSTER) down --name bench-whole' EXIT; \
	$(CLUSTER) up --name bench-whole --shape whole; \
	$(CLUSTER) image --name bench-whole tests/images/httpmodel/Dockerfile localhost/serinus/httpmodel:bench; \
	$(CLUSTER) image --name bench-whole Dockerfile localhost/serinus/operator:bench; \
	$(CLUSTER) exec --name bench-whole -- $(CURDIR)/$(BIN)/python -m benchmarks.cluster $(BENCH)

.PHONY: bench-judge
bench-judge: venv ## The judge on real pods: false rollbacks and detection, docs/judge-on-the-cluster.md (45 min)
	@trap '$(CLUSTER) down --name bench-judge' EXIT; \
	$(CLUSTER) up --name bench-judge --shape whole --driver native; \
	$(CLUSTER) image --name bench-judge tests/images/httpmodel/Dockerfile localhost/serinus/httpmodel:bench; \
	$(CLUSTER) image --name bench-judge Dockerfile localhost/serinus/operator:bench; \
	$(CLUSTER) exec --name bench-judge -- $(CURDIR)/$(BIN)/python -m benchmarks.judge $(BENCH)

##@ Change it

.PHONY: venv
venv: .venv/.installed ## Install what development needs into .venv
.venv/.installed: requirements-dev.lock pyproject.toml
	@echo "What development needs is installed into .venv: half a minute, more on a busy machine"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements-dev.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: lint
lint: venv ## Formatting, style, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: venv ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: crd
crd: venv ## Generate the CustomResourceDefinition from the models
	$(BIN)/python -m serinus.api.crd > crds/modelrollouts.serinus.dev.yaml
	cp crds/modelrollouts.serinus.dev.yaml charts/serinus/files/ # a chart cannot hold links out of its folder

LOCK := $(BIN)/uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet

.PHONY: lock
lock: venv ## Pin what CI and the image install
	$(LOCK) pyproject.toml --universal -o requirements.lock
	grep -A1 '^\[build-system\]' pyproject.toml | grep -o 'hatchling[^"]*' | $(LOCK) - --universal -o requirements-build.lock
	$(LOCK) pyproject.toml --group dev -o requirements-dev.lock
