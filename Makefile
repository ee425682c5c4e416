# Every command of this repository. `make` alone lists them.
# Needed: make, git and a Python >= 3.11 with venv (PYTHON=... chooses one). See CONTRIBUTING.md.

PY := .venv/bin/python
SET_UP := python="$$(tools/find-python.sh)" && "$$python" tools/set_up.py

.DEFAULT_GOAL := help
.PHONY: help run test check fix bench docs lock set-up-run set-up-dev set-up-test

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 10

run: set-up-run ## set everything up and start Moorage with sample data (ARGS="--data DIR" and the like are passed on)
	@exec .venv/bin/moorage-server up --demo $(ARGS)

test: set-up-test ## the whole suite: on SQLite, then what speaks to the database again on PostgreSQL
	$(PY) tests/twice.py -n auto --dist loadfile
	$(PY) tests/postgres.py $(PY) tests/twice.py -n auto --dist loadfile tests/integration

check: set-up-dev ## what must hold before a commit, without running the suite
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m djlint --quiet --lint src
	$(PY) tools/check_migrations.py
	$(PY) tools/check_tree.py

fix: set-up-dev ## format, and mend what can be mended
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: set-up-dev ## run the benchmarks, for an hour or more (BENCH="imports --quick" and the like choose)
	$(PY) -m benchmarks $(BENCH)

docs: ## check that every link between our pages leads somewhere
	@python="$$(tools/find-python.sh)" && "$$python" tools/check_links.py

lock: ## renew requirements/*.txt and assets/package-lock.json
	@python="$$(tools/find-python.sh)" && "$$python" tools/lock.py

set-up-run:
	@$(SET_UP) run

set-up-dev:
	@$(SET_UP) dev

set-up-test:
	@$(SET_UP) test
