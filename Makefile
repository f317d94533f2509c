# Everything runs in a virtual environment of its own, made on first use.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check docs clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: .venv/.stamp-plot ## Explain a few anomalies and draw quickstart.png
	MPLBACKEND=Agg $(BIN)/python examples/plot_quickstart.py

test: .venv/.stamp-test ## Run the tests and the docstrings' examples
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/.stamp-lint ## Lint, check the format, the types and the imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.stamp-docs ## Run the examples, build the documentation in docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean: ## Remove everything that the other targets made
	rm -rf .venv .coverage .*_cache *.egg-info build dist
	rm -rf docs/_build docs/auto_examples docs/generated docs/sg_execution_times.rst
	rm -f docs/api.rst
	rm -f quickstart.png examples/quickstart.png examples/payments.csv
	rm -f examples/detector.joblib
	find . -name __pycache__ -prune -exec rm -rf {} +

# One stamp for each extra of pyproject.toml.
.venv/.stamp-%: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[$*]'
	@touch $@

$(BIN)/python:
	$(PYTHON) -m venv .venv
