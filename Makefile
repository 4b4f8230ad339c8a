# Everything a user or a developer runs. `make run` and `make test` need python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV := .venv
DEV_VENV := .venv-dev
BIN := $(DEV_VENV)/bin
PIP_INSTALL := python -m pip --disable-pip-version-check install --quiet --require-hashes
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28
PYTHONS := 3.11 3.12 3.13
export PYTHONUNBUFFERED := 1

.PHONY: run install test coverage check docs platforms bench bench-quick lock format clean clean-ledger
.DELETE_ON_ERROR:

run: install
	@exec $(VENV)/bin/python -m deploy.run

install: $(VENV)/.installed

# Most tests wait for processes most of the time: three at a time keep two cores busy.
JOBS ?= 3
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal

test: $(DEV_VENV)/.installed
	$(PYTEST)

coverage: $(DEV_VENV)/.installed
	@$(BIN)/python -m coverage erase
	$(PYTEST) --cov --cov-report=term

# A warning fails it: a link to a file or a heading that is not there, or a page that is not in the table of contents.
SPHINX := $(BIN)/sphinx-build -b html -c docs -d build/doctrees -E -W --keep-going -n -q . build/docs

check: $(DEV_VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python deploy/audit.py
	$(SPHINX)

docs: $(DEV_VENV)/.installed
	$(SPHINX)
	@echo "The site is in build/docs/index.html"

# Proves that each pinned package has a wheel for each supported platform and Python. Needs the package index.
platforms: $(DEV_VENV)/.installed
	@for platform in $(PLATFORMS); do for python in $(PYTHONS); do for file in requirements.txt requirements-dev.txt; do \
		echo "$$file for Python $$python on $$platform"; \
		$(BIN)/uv pip compile --quiet --system-certs --no-build --python-platform $$platform --python-version $$python $$file \
			--output-file /dev/null || exit 1; \
	done; done; done

# `make bench PARTS="intake growth"` measures those alone.
bench: $(DEV_VENV)/.installed
	@exec $(BIN)/python -m tests.bench $(PARTS)

bench-quick: $(DEV_VENV)/.installed
	@exec $(BIN)/python -m tests.bench --quick $(PARTS)

format: $(DEV_VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Compiles the pinned files from pyproject.toml. `make lock UPGRADE=` changes only what pyproject.toml asks for.
UPGRADE := --upgrade
COMPILE := $(BIN)/uv pip compile --quiet --system-certs --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-strip-extras --custom-compile-command "make lock" $(UPGRADE)
lock: $(DEV_VENV)/.installed
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --group dev -c requirements.txt -o requirements-dev.txt

# Never touches `var`, where the ledger is.
clean:
	rm -rf $(VENV) $(DEV_VENV) build *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis \
		.import_linter_cache

clean-ledger:
	@printf 'This deletes var/, with the ledger and its history. They cannot be made again. Type "delete" to go on: '; \
	read answer; [ "$$answer" = delete ] || { echo "Nothing was deleted." >&2; exit 1; }; rm -rf var

# An environment is built from nothing whenever its list changes, so that it never holds what the list does not name.
define NEW_VENV
@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
@$(PYTHON) -m venv --clear $(@D) || { rm -rf $(@D); echo "Could not make $(@D). On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endef

# The `flask` command would read `.env` before the service does: without its checks, and in a folder above too.
define SKIP_DOTENV
@$(@D)/bin/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "skip_dotenv.pth").write_text("import os; os.environ.setdefault(\"FLASK_SKIP_DOTENV\", \"1\")\n")'
endef

$(VENV)/.installed: requirements.txt
	$(NEW_VENV)
	@echo "Installing the pinned dependencies into $(@D) …"
	@$(@D)/bin/$(PIP_INSTALL) -r requirements.txt
	$(SKIP_DOTENV)
	@touch $@

$(DEV_VENV)/.installed: requirements.txt requirements-dev.txt
	$(NEW_VENV)
	@echo "Installing the pinned dependencies and the development tools into $(@D) …"
	@$(@D)/bin/$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	$(SKIP_DOTENV)
	@touch $@
