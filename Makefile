# Every target is one line over `python -m harness`; `make help` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

TARGET ?= embedded
export WEATHER WORKERS SCRIPT RESULTS
export OUT ZONE
export STAGE YES
export TARGET PORT RESET HEADLESS MINUTES USERS SPEED SEED DATA MAP LIMIT PREFIX PYTHON CI DOCKER

# One stamp for all environments, named by what the locks say, so that a checkout's file times do not matter.
ENVIRONMENTS := .offerloop/environments-$(shell cat requirements/*.txt .offerloop/python 2>/dev/null | cksum | tr ' ' -)
HARNESS := .venv/bin/python -m harness

.PHONY: load hunt calibrate
.PHONY: watch
.PHONY: simulate compare help up down status outputs seed reset logs doctor audit deploy demo shoppers replay dashboard \
        test lint lock clean setup system-packages python-changed

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

ifdef PYTHON
$(ENVIRONMENTS): python-changed
endif
$(ENVIRONMENTS):
	@requirements/install $(PYTHON)

setup: $(ENVIRONMENTS) ## Make the environments (every target does it when needed; PYTHON= chooses the interpreter)
	@:

up: setup ## Start, deploy and seed (TARGET=embedded|localstack PORT= RESET=1 PREFIX= DOCKER=0)
	@$(HARNESS) up

down: setup ## Stop what `up` started; the data stays
	@$(HARNESS) down

status: setup ## Show what runs, and since when
	@$(HARNESS) status

outputs: setup ## Print addresses, key and stack outputs as one JSON object (use `make -s outputs`)
	@$(HARNESS) outputs

deploy: setup ## Deploy the stacks that changed to the running target (TARGET=aws STAGE=: shows them, asks; YES=1)
	@$(HARNESS) deploy

.PHONY: destroy redrive
destroy: setup ## Remove the stacks; the data stack and its tables stay unless DATA=1 (TARGET=aws STAGE=: asks; YES=1)
	@$(HARNESS) destroy

seed: setup ## Add what is missing of the sample offers, users, products and pools
	@$(HARNESS) seed

redrive: setup ## Send follow-ups of orders and writes to the CRM that were given up round again
	@$(HARNESS) redrive

settle: setup ## Account for the points of orders that the stream has lost, after an outage of a day
	@$(HARNESS) settle

.PHONY: rewards
export DAY FROM TO PARTIAL
rewards: setup ## Sum up the rewards of a day (DAY=2026-11-20, or FROM= TO=; PARTIAL=1 of one that is not over)
	@$(HARNESS) rewards

reset: setup ## Empty the running system, deploy and seed again
	@$(HARNESS) reset

watch: setup ## Bring every saved edit of handlers and core to the running emulator within 2 s (TARGET=), until Ctrl-C
	@$(HARNESS) watch

logs: setup ## Follow the functions' logs (FUNCTION= one of them)
	@$(HARNESS) logs

audit: setup ## Check the conservation laws on the running system
	@$(HARNESS) audit

doctor: ## Check everything that `up` needs, one line each
	@requirements/install $(PYTHON) && $(HARNESS) doctor

shoppers: setup ## Run live shoppers against the running system (USERS= SPEED= SEED= MINUTES=)
	@$(HARNESS) shoppers

replay: setup ## Turn recorded purchases into traffic (DATA= MAP= BASKETS= LIMIT= SPEED= WORKERS= SEED= RESUME=1)
	@$(HARNESS) replay

export RATE SHAPE VISIT SCENARIO DURATION WORKERS THINK PLACES WARM_UP MANAGER MAX_REQUESTS OBJECTIVES RESULTS
export CODES
load: setup ## Load-test the running system (RATE= or USERS=, VISIT= SHAPE= SCENARIO= MINUTES= SEED= WORKERS= OBJECTIVES=)
	@$(HARNESS) load

simulate: setup ## Run a scenario in the twin (SCENARIO= SEED= REPLICATIONS= WORKERS= CLUSTER= RESULTS= EVENTS=0)
	@$(HARNESS) simulate

compare: setup ## Compare two scenarios under common random numbers (A= B= SEED= REPLICATIONS= METRIC= RESULTS=)
	@$(HARNESS) compare

hunt: setup ## Random scripts in random weather until a law breaks (MINUTES= SEED= WEATHER= WORKERS= RESULTS= SCRIPT=)
	@$(HARNESS) hunt

calibrate: setup ## Derive a scenario from recorded purchases and compare (DATA= MAP= OUT= ZONE= SEED=)
	@$(HARNESS) calibrate

.PHONY: bench
export ROWS QUICK HISTORY PROFILE BENCH_HISTORY REWARD_ENTRIES
bench: setup ## Measure the design's numbers (ROWS= QUICK=1; HISTORY=1 shows the last runs; PROFILE=1 draws flame graphs)
	@$(HARNESS) bench

.PHONY: probe
export DOCS
probe: setup ## What the running target keeps of what the system relies on (TARGET= DOCS=1 writes docs/targets.md)
	@$(HARNESS) probe

dashboard: setup ## Open the dashboard on the running system
	@$(HARNESS) dashboard

demo: setup ## Everything at once, until Ctrl-C (HEADLESS=1 MINUTES=1: run, audit, stop)
	@$(HARNESS) demo

test: setup ## Lint, and all tests but a few slow ones (docs/testing.md)
	@$(HARNESS) test

.PHONY: test-all
test-all: setup ## Lint, every test, and the emulated tests once more on LocalStack
	@$(HARNESS) test-all

lint: setup ## ruff, mypy, import-linter, cfn-lint and sam validate
	@$(HARNESS) lint

system-packages: ## Install the Debian packages that some tests need (Redis, Chromium, node, strace …), as root
	@requirements/system-packages

lock: setup ## Compile requirements/*.txt anew (needs the network)
	@requirements/lock

clean: ## Remove environments, builds and state; stops what runs
	@for target in embedded localstack; do \
		if [ -x .venv/bin/python ] && [ -e .offerloop/$$target/state.json ]; then TARGET=$$target $(HARNESS) down; fi; \
	done
	@rm -rf .venv .emulator .lambda .localstack .sam .offerloop .aws-sam
