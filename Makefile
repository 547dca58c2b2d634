# What one types to run Voltkeep, to test it and to change it. `make` alone lists it.
#
# `make run` and `make test` work in a fresh clone on a machine with Python 3.11, git and make: the
# virtual environment is made and filled on the way, and again only when the lock files change.

PYTHON ?= python3
ARGS ?=
# Most tests wait, for a process or a database: there are more workers than processors.
WORKERS ?= $(shell expr $$(nproc) \* 2)

# Many tests start Voltkeep as a process: one that compiled all of it again would take seconds.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
# pip is asked for nothing that the lock files do not name with its hash.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --quiet \
	--no-config --system-certs --universal --python-version 3.11 --generate-hashes

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## List what can be made
	@echo "Usage: make TARGET [ARGS=\"...\"]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/installed ## Start Voltkeep with ten simulated stations (ARGS: options of `voltkeep serve`)
	@exec $(BIN)/voltkeep serve --demo $(ARGS)

.PHONY: test
test: $(VENV)/installed-dev postgresql openssl chromium ## Run every test, on SQLite and PostgreSQL (ARGS: options of pytest)
	$(BIN)/pytest --numprocesses=$(WORKERS) --dist=worksteal $(ARGS)

.PHONY: lab
lab: $(VENV)/installed-dev ## Play every certification case against Voltkeep; the report is build/lab/report.html
	$(BIN)/voltkeep lab run --against voltkeep --profiles 1,2,3 --report build/lab $(ARGS)

.PHONY: check
check: lint types imports shape spelling ## Run everything that judges the code without running it

.PHONY: lint
lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(VENV)/installed-dev
	$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/installed-dev
	$(BIN)/lint-imports --no-cache

.PHONY: shape
shape: $(VENV)/installed-dev
	$(BIN)/pytest --quiet tests/test_docs.py tests/test_shape.py

.PHONY: spelling
spelling: $(VENV)/installed-dev
	$(BIN)/codespell

.PHONY: format
format: $(VENV)/installed-dev ## Format the code, and repair what ruff can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: bench
bench: $(VENV)/installed-dev postgresql ## Measure against a plain central system (ARGS: options of the benchmark)
	$(BIN)/python -m bench $(ARGS)

.PHONY: generate
generate: $(VENV)/installed-dev ## Write what is generated: OCPP messages, pages of the reference
	$(BIN)/python -m tools.generate_messages
	$(BIN)/python -m tools.generate_reference
	$(BIN)/python -m tools.generate_client
	$(BIN)/python -m tools.generate_quirks

# What browsers load. The bundle is kept in the repository: nobody else needs Node.
.PHONY: assets
assets: ## Bundle the console's scripts and styles (needs Node and npm)
	cd frontend && npm ci --no-audit --no-fund && npm run build

.PHONY: screenshots
screenshots: $(VENV)/installed-dev chromium ## Take pictures of the console, into docs/images
	$(BIN)/python -m tools.screenshots

# Words are marked with _(…) in templates and modules; locale/de/LC_MESSAGES/voltkeep.po has German.
LOCALE := src/voltkeep/web/pages/locale
.PHONY: words
words: $(VENV)/installed-dev ## Gather the words of the console's pages, and compile what was translated
	@mkdir -p build
	$(BIN)/pybabel -q extract --no-location -F tools/babel.cfg -o build/voltkeep.pot src/voltkeep/web/pages
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete -D voltkeep -i build/voltkeep.pot -d $(LOCALE)
	$(BIN)/pybabel -q compile -D voltkeep -d $(LOCALE)

.PHONY: lock
lock: $(VENV)/installed-dev ## Write the lock files from pyproject.toml (ARGS=--upgrade: with newer versions)
	$(LOCK) --group build $(ARGS) --output-file requirements.lock
	$(LOCK) --group build --group dev --constraints requirements.lock $(ARGS) \
		--output-file requirements-dev.lock

.PHONY: wheel
wheel: $(VENV)/installed-dev ## Build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

.PHONY: changelog
changelog: $(VENV)/installed-dev ## Show what the fragments in changelog.d/ will say at the next release
	$(BIN)/towncrier build --draft --version Unreleased

# The virtual environment. Its files bear the date of the last install that went well.

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Voltkeep needs Python 3.11 or later, and $(PYTHON) is not. Name one: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tools/debian_package \
		"$$($(PYTHON) -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')" \
		"Python's venv module"
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created requirements.lock pyproject.toml
	@echo "Installing what Voltkeep runs on into $(VENV)."
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "Installing what Voltkeep is tested with into $(VENV)."
	@$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@

# The tests start servers of their own; they need the programs only.
.PHONY: postgresql
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
		|| tools/debian_package postgresql "PostgreSQL's server, which the tests start on a free port"

# What a certificate and a handshake are worth is for another program to say.
.PHONY: openssl
openssl:
	@command -v openssl >/dev/null \
		|| tools/debian_package openssl "the openssl command, with which the tests check TLS"

# What a page looks like and does is for a browser to say.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null \
		|| tools/debian_package chromium "Chromium, in which the tests use the console"
