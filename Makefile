# Needs Python 3.11 to 3.13 and make; everything else goes into .venv.

PYTHON ?= python3
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PACKAGES := agents configs envs train

# pip would compile everything on one core. Some packages ship files that no Python compiles.
define install
	$(PIP) install --no-compile --editable $(1)
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
endef

.DEFAULT_GOAL := help
.PHONY: help demo test links format clean
.DELETE_ON_ERROR:

help: ## Show this list.
	@awk -F ': .*## ' '/^[a-z]+: .*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  PYTHON=python3.12 chooses the interpreter (now $(PYTHON)), WORKERS=4 the test processes."

demo: $(VENV)/installed ## Install, then train and compare a few agents in minutes.
	$(BIN)/empathy-loop compare quick

test: $(VENV)/installed-dev links ## Lint, check formatting and types, and run all tests.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	EMPATHY_LOOP_EXTRAS=required OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadgroup

format: $(VENV)/installed-dev ## Sort imports and format the code.
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

links: ## Lay the links through which mypy and pyright see the package.
	@mkdir -p build/links/empathy_loop
	@for name in $(PACKAGES); do ln -sfn ../../../$$name build/links/empathy_loop/$$name; done

clean: ## Remove caches and build products; keep .venv and runs.
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(PACKAGES) tests -name __pycache__ -prune -exec rm -rf {} +

# A stamp that is older than pyproject.toml means that dependencies may have changed.
$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing empathy-loop into $(VENV); the first time takes a few minutes."
	$(call install,.)
	@touch $@

$(VENV)/installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing empathy-loop and its test tools into $(VENV); the first time takes a few minutes."
	$(call install,'.[dev]')
	@touch $(VENV)/installed $@

# A venv that came out half made would pass for a whole one next time.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "$(PYTHON) was not found; name an interpreter: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Empathy Loop needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another interpreter: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
