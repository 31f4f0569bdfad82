# `make demo` and `make test` set up all they need in .venv, on a machine that has Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check clean

help: ## Show this help
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Make weak wrinkle masks of a real face, in demo/
	$(BIN)/python tools/demo.py demo

test: $(INSTALLED) ## Run the tests
	$(BIN)/python -m pytest

check: $(INSTALLED) ## Format, lint and strict types, as CI does
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean: ## Remove what make made
	rm -rf $(VENV) demo

$(INSTALLED): pyproject.toml tools/find_python.sh
	"$$(tools/find_python.sh)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps deepface==0.0.103 # or two OpenCV
	touch $(INSTALLED)
