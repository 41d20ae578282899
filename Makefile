# Everything is made in .venv beside this file. A stamp remembers each finished installation, so that a second
# call starts at once and a changed pyproject.toml installs again.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS = $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python
ARGS =
# JupyterLab's offer of news would cover the first picture.
SETTINGS := $(VENV)/share/jupyter/lab/settings/overrides.json
QUIET := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}
REPO =

# The networks of the notebooks and the tests are small: a second thread in each matrix product costs more than it gains.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lab test test-slow notebooks lint bench checkers training links environment venv clean

help: ## list what can be made (this text)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'ARGS="..." is passed on, as in: make test ARGS="-k truncation"'

lab: $(VENV)/lab.stamp ## open the notebooks in JupyterLab
	@exec $(BIN)/jupyter lab $$(test "$$(id -u)" -ne 0 || echo --allow-root) \
	  --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(ARGS)

test: $(VENV)/test.stamp ## run the tests
	$(BIN)/python -m pytest $(ARGS)

test-slow: $(VENV)/test.stamp ## run the tests that take long or need the network
	$(BIN)/python -m pytest -m slow $(ARGS)

notebooks: $(VENV)/test.stamp ## run every notebook afresh and save it clean (ARGS=notebooks/00_start_here.ipynb for one)
	$(BIN)/python -m tools.notebooks $(ARGS)

lint: $(VENV)/test.stamp ## check the style of code and notebooks
	$(BIN)/python -m ruff check . $(ARGS)
	$(BIN)/python -m ruff format --check .

bench: $(VENV)/test.stamp ## time the numerics on one thread
	$(BIN)/python benchmarks/rnn.py $(ARGS)

checkers: $(VENV)/test.stamp ## compare our gradient checker with every other one that is installed
	$(BIN)/python benchmarks/checkers.py $(ARGS)

training: $(VENV)/test.stamp ## train the book's model beside torch, if it is installed
	$(BIN)/python benchmarks/training.py $(ARGS)

links: $(VENV)/test.stamp ## write the public address everywhere: make links REPO=owner/name
	@$(BIN)/python -m tools.links $(REPO)

environment: $(VENV)/test.stamp ## write environment.yml (conda, Binder) from pyproject.toml
	$(BIN)/python -m tools.environment

venv: $(VENV)/test.stamp ## make .venv with all that the tests need

clean: ## remove all that make has made, .venv included
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

$(VENV)/%.stamp: pyproject.toml $(BIN)/python
	@echo "Installing d2lbptt[$*] into $(VENV); the first time takes a minute or two."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@mkdir -p $(dir $(SETTINGS)) && echo '$(QUIET)' > $(SETTINGS)
	@touch $@

# A name on the path may be a shim that does not run, or too old: only an interpreter that says so itself counts.
$(BIN)/python:
	@new=; for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  new=$$python; \
	  "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || continue; \
	  echo "Making $(VENV) with $$python, $$("$$python" --version)."; \
	  exec "$$python" -m venv --clear $(VENV); \
	done; \
	if [ -n "$$new" ]; then \
	  echo "$$new cannot make environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2; \
	else \
	  echo "Python 3.11 or newer was not found: install it, or name it, as in: make PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1
