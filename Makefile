# Every command first brings .venv up to date (tools/environment.py), which costs nothing when it is.
SHELL := /bin/bash
PY ?= python3
PORT ?= 8000
# On Linux torch comes from PyTorch's CPU index, which tools/_environment.py names, if that answers;
# `make book TORCH_INDEX=` takes the default index (CUDA, gigabytes), TORCH_INDEX=https://... another.

BIN := .venv/bin
SITE := _build/html
CODE := dsconv experiments benchmarks tests tools _ext conftest.py

.DEFAULT_GOAL := help
.PHONY: help environment book serve test test-package test-chapters execute check mutants clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s  %s\n", $$1, $$2}' Makefile

environment:
	@command -v $(PY) >/dev/null || { echo "environment: there is no $(PY); install Python 3.11 or newer"; exit 1; }
	@$(PY) tools/environment.py

book: environment  ## build the site and say where it is
	$(BIN)/jupyter-book build -W -n --keep-going --all .
	@echo
	@echo "The book:    file://$(CURDIR)/$(SITE)/index.html"
	@echo "Or serve it: make serve"

serve: environment  ## serve the built site on this machine (PORT=8000)
	@test -f $(SITE)/index.html || { echo "serve: there is no $(SITE); run 'make book' first"; exit 1; }
	@echo "The book: http://127.0.0.1:$(PORT)/  (Ctrl-C ends it)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

test: environment  ## tests, docstrings' examples, and every chapter against its outputs
	@$(MAKE) --no-print-directory --jobs=2 test-package test-chapters

# The two halves of `test`, side by side: each keeps one core busy.
test-package:
	$(BIN)/pytest dsconv experiments benchmarks tests

test-chapters:
	$(BIN)/pytest -p no:cacheprovider --nbval book

execute: environment  ## run the chapters again and store their outputs
	$(BIN)/python tools/execute.py

check: environment  ## format, lint and types
	$(BIN)/ruff format --check $(CODE) book
	$(BIN)/ruff check $(CODE) book
	$(BIN)/mypy

mutants: environment  ## plant bugs in the package; each must turn a test red
	$(BIN)/python tools/mutants.py

clean:  ## remove what was built (not .venv)
	rm -rf _build notebooks
