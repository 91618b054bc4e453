# What this project can do. It takes Python 3.10 or newer; uv makes it quicker.

# Another Python for the virtual environment: make test PYTHON=python3.13
PYTHON =

# What to measure: make bench BENCH=target ARGS="--only duckdb"
BENCH = tap target

# Other versions than those that are pinned, with uv and in a fresh clone:
# make test RESOLUTION=lowest-direct, or highest
RESOLUTION =
PINS = $(if $(RESOLUTION),--resolution $(RESOLUTION),-c constraints.txt)

# Meltano Hub's JSON schemas, where they are at hand
HUB_SCHEMAS = ../shared/hub

BIN := .venv/bin
# A version manager may offer a uv that does not start, so start it.
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)

ifdef UV
CREATE_VENV = uv venv --quiet$(if $(PYTHON), --python "$(PYTHON)") .venv
INSTALL = uv pip install --quiet --python $(BIN)/python
else
CREATE_VENV = "$(or $(PYTHON),python3)" -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

CONFORM = $(BIN)/check-jsonschema --builtin-schema
ISSUE_FORMS = $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

# Stamps: empty files that say what is installed, for which versions.
FOR_DEMO := .venv/.for-demo
FOR_DEV := .venv/.for-dev
# Where the interpreter is gone, after an upgrade of the system, they mean nothing.
ifneq ($(shell test -x $(BIN)/python && echo works),works)
.PHONY: $(FOR_DEMO) $(FOR_DEV)
endif

# Tests start hundreds of processes. Each would compile dlt anew, for over a second.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-fleet docs test bench check packages schedulers chaos kill format \
	pictures plugins constraints clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: $(FOR_DEMO) ## Load a made-up agency into a DuckDB file, and look at it
	@$(BIN)/python -m tap_analytics.sandbox.demo

demo-fleet: $(FOR_DEMO) ## Load 200 made-up agencies, each with a key of its own
	@$(BIN)/python -m tap_analytics.sandbox.demo_fleet

docs: | $(BIN)/python ## Build the site of docs/ into build/site
ifndef UV
	$(INSTALL) 'pip>=25.1' # the first that knows --group
endif
	$(INSTALL) $(PINS) --group docs
	$(BIN)/mkdocs build --strict --quiet

test: $(FOR_DEV) ## Run all tests
	$(BIN)/pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

bench: $(FOR_DEV) ## Measure; BENCH=tap, target or fleet, ARGS=--help
	@set -e; for one in $(BENCH); do $(BIN)/python benchmarks/$$one.py $(ARGS); done

check: $(FOR_DEV) ## Check code, dependencies, definitions, workflows and packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python .ci/sizes.py
	$(CONFORM) vendor.meltano meltano.yml
	$(BIN)/python .ci/hub.py "$(HUB_SCHEMAS)"
	$(CONFORM) vendor.github-workflows .github/workflows/*.yml
	$(CONFORM) vendor.dependabot .github/dependabot.yml
	$(CONFORM) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(CONFORM) vendor.github-issue-forms $(ISSUE_FORMS)
	$(BIN)/hadolint Dockerfile
	$(BIN)/zizmor --offline --quiet --pedantic .
	rm -rf build/packages
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python \
		--out-dir build/packages
	$(BIN)/check-wheel-contents build/packages/*.whl
	$(BIN)/twine check --strict build/packages/*.whl build/packages/*.tar.gz

packages: $(FOR_DEV) ## Install what others get, with each extra, on several Pythons
	$(BIN)/pytest -m "packages or not packages" tests/e2e/test_package.py

schedulers: $(FOR_DEV) ## Let Airflow and Dagster run what docs/schedule.md shows
	$(BIN)/pytest -m "schedulers or not schedulers" tests/docs/test_schedule.py

chaos: $(FOR_DEV) ## Let API and runs fail in hundreds of ways, and count what is lost
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) \
		$(if $(INTERRUPTION),--interruption $(INTERRUPTION)) \
		$(if $(EVOLUTION),--evolution $(EVOLUTION)) \
		$(if $(STOP),--stop $(STOP)) $(if $(KILL),--kill $(KILL))

kill: $(FOR_DEV) ## Kill target-dlt at 100 random moments, and count what is lost
	TARGET_DLT_KILLS=50 $(BIN)/pytest tests/behaviour/target_dlt/test_failure.py -k killed_run

format: $(FOR_DEV) ## Put the code into the style that check asks for
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

plugins: $(FOR_DEV) ## Write into meltano.yml, hub/ and docs/ what our plugins report
	$(BIN)/python .ci/plugins.py
	$(BIN)/python .ci/config_files.py
	$(BIN)/python .ci/settings_md.py

pictures: $(FOR_DEV) ## Take the pictures in docs/ anew, of a run in a real terminal
	$(BIN)/python .ci/screens.py

constraints: ## Pin anew what pyproject.toml asks for
	$(or $(UV),$(BIN)/uv) pip compile --quiet --universal --all-extras --group dev --group docs pyproject.toml \
		--no-annotate --no-header --python-version 3.10 -o constraints.txt

clean: ## Remove everything that can be made again
	rm -rf .venv .bench .meltano .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf build dist demo.duckdb demo.duckdb.wal demo-fleet
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	rm -rf .venv
	$(CREATE_VENV)

$(FOR_DEMO): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) $(PINS) -e '.[fleet,sandbox]'
	@touch $@

$(FOR_DEV): pyproject.toml constraints.txt | $(BIN)/python
ifndef UV
	$(INSTALL) 'pip>=25.1' # the first that knows --group
endif
	$(INSTALL) $(PINS) -e '.[dlt,fleet,dask,sandbox]' --group dev
	@touch $@ $(FOR_DEMO)
