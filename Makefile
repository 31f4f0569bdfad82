# `make demo` and `make test` install everything they need in .venv; they require Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# For tests. Installed separately, because few versions of boto3 and botocore fit each other: in one
# step, pip would look for them by going back to old versions of PyTorch.
S3_SERVER := 'moto[s3]>=5.1' 'flask>=3.0' 'flask-cors>=5.0'

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

clean: ## Remove .venv and demo/
	rm -rf $(VENV) demo

$(INSTALLED): pyproject.toml tools/find_python.sh
	"$$(tools/find_python.sh)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps deepface==0.0.103 # or two OpenCV
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 's3fs>=2025.2' $(S3_SERVER)
	touch $(INSTALLED)
