PYTHON ?= python

.PHONY: check format

check:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	cd benchmarks && MYPYPATH=. $(PYTHON) -m mypy --config-file ../pyproject.toml --explicit-package-bases .
	$(PYTHON) -m pytest

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
