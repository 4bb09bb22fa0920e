# Everything here needs only Python 3.11+, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
DATABASE_URL_POSTGRES ?= $(or $(DATABASE_URL),postgres://postgres@127.0.0.1:5432/test)
PORT = 8000
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: run demo test test-postgres lint format lock bench clean

run: $(VENV)/.installed  ## set up from nothing, turn the wheel once, serve web and worker
	@$(MANAGE) serve --port $(PORT)

demo: $(VENV)/.installed  ## the same turn without serving
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) demo

test: $(VENV)/.installed-dev  ## the whole suite on the embedded database
	env -u DATABASE_URL $(PYTEST)

test-postgres: $(VENV)/.installed-dev  ## the same suite on DATABASE_URL, default the local server
	DATABASE_URL=$(DATABASE_URL_POSTGRES) $(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed-dev  ## hash-pinned requirements, universal for Python 3.11-3.13
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet -o requirements/base.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet -o requirements/dev.txt

bench: $(VENV)/.installed-dev
	@for file in bench/bench_*.py; do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) var

# Begun anew after an installation that did not come to its end: pip takes half a package for a whole one.
define install
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Flywheel needs Python 3.11 or later: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	@test -e $(VENV)/.complete || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $(VENV)/.complete
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(VENV)/.complete
endef

$(VENV)/.installed: requirements/base.txt
	$(install)

$(VENV)/.installed-dev: requirements/dev.txt $(VENV)/.installed
	$(install)
