# One command for each thing a person does here. Every target creates what it needs; a second call costs nothing.
#   make install | scan | test | lint | bench | docs | site | wheel | mutants | nightly        PYTHON=python3.12 make install    chooses the interpreter
PYTHON    ?= python3
VENV      := .venv
BIN       := $(VENV)/bin
STAMP     := $(VENV)/.installed
SCAN_FILE ?= examples/quickstart.toml
# e.g. make scan SCAN_ARGS="--trials 6 --out /tmp/try"
SCAN_ARGS ?=
PYTEST_ARGS ?= -n 2 --dist worksteal
# e.g. make bench BENCH_ARGS="--only state bounce"
BENCH_ARGS ?=

.PHONY: install scan test lint bench docs site wheel mutants nightly

install: $(STAMP)

# The stamp is newer than the lock and pyproject.toml exactly when the environment matches them. Dependencies come with
# hashes from the lock; the package itself is built with the locked hatchling, so nothing is fetched unpinned.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else "supersoliton needs Python 3.11, 3.12 or 3.13 but PYTHON=$(PYTHON) is %d.%d: name another, e.g. make install PYTHON=python3.12" % v)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps -e .
	@touch $(STAMP)

scan: $(STAMP)
	$(BIN)/supersoliton scan $(SCAN_FILE) $(SCAN_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# What is slow and seldom fails: the tests marked so (200 signals, MariaDB, SLURM's jobs, a server that goes away at
# any packet; CONTRIBUTING.md lists them), all others with the types of every call checked, the samplers that need torch, 50 kills, 100,000 trials,
# a thousand damages in each kind of file, the faults below, and the campaign of certificates (three hours).
nightly: $(STAMP) .venv-samplers/.installed
	$(BIN)/python -m pytest $(PYTEST_ARGS) -m nightly
	$(BIN)/python -m pytest $(PYTEST_ARGS) --check-every-call
	.venv-samplers/bin/python -m pytest $(PYTEST_ARGS) tests/sampling tests/scans/record/test_ledger.py
	$(BIN)/python -m benchmarks.soak driver && $(BIN)/python -m benchmarks.soak workers
	$(BIN)/python -m benchmarks.soak long
	$(BIN)/python -m pytest $(PYTEST_ARGS) --damages 1000 -k damage
	$(MAKE) mutants
	$(BIN)/python -m benchmarks.certificates

# The environment of the samplers "gp" and "botorch": ours, and what they need besides.
.venv-samplers/.installed: .ci/samplers.txt | $(STAMP)
	test -x .venv-samplers/bin/python || $(BIN)/python -m venv .venv-samplers
	$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' \
	    > $$(.venv-samplers/bin/python -c 'import site; print(site.getsitepackages()[0])')/locked.pth
	.venv-samplers/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	@touch $@

# Faults of one line that the tests have to notice, half an hour on two idle cores; not part of the CI.
mutants: $(STAMP)
	$(BIN)/python .ci/mutants.py

# The tables of the README and the pages say what was measured last: a test refuses any other.
bench: $(STAMP) .venv-bench/.installed
	$(BIN)/python -m benchmarks $(BENCH_ARGS)
	$(MAKE) docs

# What the bounces are compared with; without it (no network) that row says "not measured".
.venv-bench/.installed: benchmarks/requirements.txt | $(STAMP)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --upgrade --no-deps --require-hashes \
	    --target .venv-bench -r $< && touch $@ || echo "make bench: CosmoTransitions could not be installed"

# The pictures and the numbers of the README and of the pages, printed by the program into them.
docs: $(STAMP)
	$(BIN)/python docs/architecture.py
	$(BIN)/python docs/readme_numbers.py
	$(BIN)/python docs/pages.py

# The documentation, in build/site; a warning (a link that leads nowhere, a name that is gone) is an error.
site: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

# The wheel and the sdist, in build/dist; the wheel is then tried in an environment that holds nothing else.
wheel: $(STAMP)
	$(BIN)/python .ci/wheel.py build/dist
