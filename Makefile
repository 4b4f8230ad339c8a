# Everything a user or a developer runs. `make run` and `make test` need python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
export PYTHONUNBUFFERED := 1

.PHONY: run test check bench bench-quick lock format clean
.DELETE_ON_ERROR:

run: $(RUN_STAMP)
	@exec $(BIN)/python -m deploy.run

test: $(DEV_STAMP)
	@$(BIN)/python -m coverage erase
	$(BIN)/python -m pytest --cov --cov-report=term

check: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python deploy/audit.py

# `make bench PARTS="intake growth"` measures those alone.
bench: $(DEV_STAMP)
	@exec $(BIN)/python -m tests.bench $(PARTS)

bench-quick: $(DEV_STAMP)
	@exec $(BIN)/python -m tests.bench --quick $(PARTS)

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Compiles the pinned files from pyproject.toml; needs `uv`.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
		--custom-compile-command "make lock" --upgrade pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
		--custom-compile-command "make lock" --upgrade --group dev -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) var build *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Could not make $(VENV). On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(RUN_STAMP): requirements.txt | $(VENV)/bin/python
	@echo "Installing the pinned dependencies …"
	@$(PIP) -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(RUN_STAMP)
	@echo "Installing the development tools …"
	@$(PIP) -r requirements-dev.txt
	@touch $@
