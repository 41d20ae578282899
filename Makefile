# Everything is made in .venv beside this file. A stamp remembers each finished installation and the folder it was made
# in, so that a second call starts at once, and a changed pyproject.toml or a moved folder installs again.

ARGS =
REPO =
override RUN := .venv/bin/python -m tools.run
override PYTEST := $(RUN) -m pytest --numprocesses logical --maxprocesses 4
# JupyterLab's offer of news would cover the first picture.
override SETTINGS := .venv/share/jupyter/lab/settings
override QUIET := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}

# The networks of the notebooks and the tests are small: a second thread in each matrix product costs more than it gains.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

# What is given on the command line is text. Make does not expand it, and no shell reads it: it goes by environment.
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(eval override $(name) := $$(value $(name)))))
export ARGS REPO PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lab present test test-slow mutants notebooks lint bench checkers training sliders site links teaching environment venv clean

help: ## list what can be made (this text)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo 'ARGS="..." is passed on, as in: make test ARGS="-k truncation"'

lab: .venv/lab.stamp ## open the notebooks in JupyterLab
	@$(RUN) -m jupyterlab $$(test "$$(id -u)" -ne 0 || echo --allow-root) \
	  --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

present: .venv/present.stamp ## show the lectures on a screen, full screen and with a kernel (ARGS="--no-browser --port=8899")
	@$(RUN) -m tools.present

test: .venv/test.stamp ## run the tests
	$(PYTEST)

test-slow: .venv/test.stamp ## run the tests that take long or need the network
	@status=0; \
	$(PYTEST) -m "slow and not alone" || test $$? -eq 5 || status=1; \
	$(RUN) -m pytest -m alone || test $$? -eq 5 || status=1; \
	exit $$status

mutants: .venv/test.stamp ## plant bugs, one at a time, each of which the tests must find (ARGS="-k gates" for some)
	@$(RUN) -m tools.mutants

notebooks: .venv/test.stamp ## run every notebook afresh and save it clean (ARGS=notebooks/00_start_here.ipynb for one)
	$(RUN) -m tools.notebooks

lint: .venv/test.stamp ## check the style of code and notebooks, and the types of the package
	$(RUN) -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy

bench: .venv/test.stamp ## time the numerics on one thread, beside torch and JAX if they are installed (ARGS=--no-sweep)
	$(RUN) -m benchmarks.rnn

checkers: .venv/test.stamp ## compare our gradient checker with every other one that is installed
	$(RUN) benchmarks/checkers.py

training: .venv/test.stamp ## train the book's model beside torch, if it is installed
	$(RUN) benchmarks/training.py

sliders: .venv/test.stamp ## time sliders in a browser, from the key to the picture, beside the naive way
	$(RUN) -m benchmarks.sliders

site: .venv/$(if $(findstring --lite,$(ARGS)),lite,site).stamp ## make the pages that need no server, in build/site (ARGS=--open to look at them)
	@$(RUN) -m tools.site

links: .venv/test.stamp ## write the public address everywhere: make links REPO=owner/name
	@.venv/bin/python -m tools.links "$$REPO"

teaching: .venv/test.stamp ## write the tables of TEACHING.md from site/lectures.toml (ARGS=hour for the notebook of a lecture)
	$(RUN) -m tools.lectures

environment: .venv/test.stamp ## write environment.yml (conda, Binder) from pyproject.toml
	.venv/bin/python -m tools.environment

venv: .venv/test.stamp ## make .venv with all that the tests need

clean: ## remove all that make has made, .venv included
	rm -rf .venv build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

.venv/lab.stamp .venv/lite.stamp .venv/present.stamp .venv/site.stamp .venv/test.stamp: .venv/%.stamp: pyproject.toml .venv/pyvenv.cfg
	@echo "Installing d2lbptt[$*] into .venv; the first time takes a minute or two."
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@mkdir -p $(SETTINGS) && echo '$(QUIET)' > $(SETTINGS)/overrides.json
	@pwd -P > $@

.venv/bin/python: .venv/pyvenv.cfg

# Looked at each time: an environment that was made in another folder runs the code that is there, and PYTHON may name
# another interpreter than its own. A name on the path may be a shim that does not run, or too old: only an interpreter
# that says so itself counts.
.PHONY: always
.venv/pyvenv.cfg: always
	@runs() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }; \
	base() { "$$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null; }; \
	say() { printf '%s\n' "$$1" >&2; }; \
	if test -n "$$PYTHON" && ! runs "$$PYTHON"; then \
	  say "PYTHON is $$PYTHON, which does not run or is too old: wanted Python 3.11 or newer"; exit 1; \
	fi; \
	moved=; for stamp in .venv/*.stamp; do \
	  test -f "$$stamp" || continue; \
	  folder=; IFS= read -r folder < "$$stamp"; test "$$folder" = "$$(pwd -P)" || moved=yes; \
	done; \
	if test -z "$$moved" && test -x .venv/bin/python; then \
	  test -n "$$PYTHON" && test "$$(base "$$PYTHON")" != "$$(base .venv/bin/python)" || exit 0; \
	fi; \
	test -z "$$moved" || echo "This folder was moved or copied, and .venv belongs to the old one: it is made anew."; \
	if test -n "$$PYTHON"; then set -- "$$PYTHON"; \
	else set -- python3 python3.14 python3.13 python3.12 python3.11 python; fi; \
	new=; for python in "$$@"; do \
	  runs "$$python" || continue; \
	  new=$$python; \
	  "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || continue; \
	  printf '%s\n' "Making .venv with $$python, $$("$$python" --version)."; \
	  exec "$$python" -m venv --clear .venv; \
	done; \
	if test -n "$$new"; then \
	  say "$$new cannot make environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)."; \
	else \
	  say "Python 3.11 or newer was not found: install it, or name it, as in: make PYTHON=/path/to/python3"; \
	fi; \
	exit 1
