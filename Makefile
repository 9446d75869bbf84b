# The project's commands. All work on a fresh machine with Python >= 3.11, without root access or a GPU.
# They download nothing but packages.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamp files: installed is what the service needs, what Flower needs as well, and what the tests need as well.
LOCAL := $(VENV)/.local
WITH_FLOWER := $(VENV)/.flower
READY := $(VENV)/.ready
AUDIT := $(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip
# Succeeds if PyPI's vulnerability data can be reached.
PROBE := import urllib.request; urllib.request.urlopen('https://pypi.org/pypi/pip/25.0/json', timeout=5)
# Extra arguments for pip, e.g. another index for torch.
PIP_ARGS ?=
# Where $(PYTHON) has a pip, it installs the one of .venv, since ensurepip takes longer.
# Before 23.3, pip compared each file of each version with all of the platform's tags.
HAS_PIP := $(shell $(PYTHON) -c "import pip; print('yes')" 2>/dev/null)
FIRST_PIP = $(if $(HAS_PIP),$(PYTHON),$(BIN)/python) -m pip --python $(BIN)/python
# --no-compile: modules are compiled on import, and most of torch's and transformers' modules are never imported.
OPTIONS = --quiet --progress-bar on --no-compile $(PIP_ARGS) -c constraints.txt
INSTALL = $(BIN)/python -m pip install $(OPTIONS)
# `--no-build-isolation` builds our packages with the setuptools of .venv, instead of installing one for each of them.

# Three tests run at a time, since most wait for processes; tests/conftest.py orders them. Waiting threads yield the
# cores (OMP_WAIT_POLICY).
PYTEST := OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder
CHAOS := $(BIN)/python -m pytest -m chaos -rA --timeout 900 tests/chaos
PORT ?= 8600
WORKERS ?= 1
FLOWER ?= 0
DATA ?= var/redis

# Where this is set, as in many containers, every process would compile torch and transformers anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: audit bench bench-embedded chaos check clean api demo docs fuzz gpu rehearse samples serve setup test test-all wheels worker

setup: $(READY)

$(LOCAL): pyproject.toml client/pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(if $(HAS_PIP),--without-pip) $(VENV)
	$(FIRST_PIP) install $(OPTIONS) 'pip>=23.3' 'setuptools>=77'
	$(INSTALL) --no-build-isolation -e client -e '.[demo]'
	touch $@

$(WITH_FLOWER): $(LOCAL)
	$(INSTALL) --no-build-isolation -e client -e '.[local]'
	touch $@

$(READY): $(LOCAL)
	$(INSTALL) -e client -e '.[dev]'
	touch $@

## draw 学习 by the real path and write the picture to out/
demo: $(LOCAL)
	$(BIN)/writing-service demo

## run the whole service on this machine: PORT=8600 WORKERS=1 FLOWER=0 DATA=var/redis (one folder per service)
serve: $(if $(filter 1,$(FLOWER)),$(WITH_FLOWER),$(LOCAL))
	$(BIN)/writing-service serve --port $(PORT) --workers $(WORKERS) --data $(DATA) $(if $(filter 1,$(FLOWER)),--flower)

## run only the API, or only a worker, on machines that share a Redis (WRITING_REDIS__URL)
api: $(LOCAL)
	$(BIN)/writing-service api

worker: $(LOCAL)
	$(BIN)/writing-service worker

## run what CI runs
test: check
	$(PYTEST)

test-all: check
	$(PYTEST) -m 'not chaos'
	$(CHAOS)

## kill, freeze and stop real processes; nothing may be lost
chaos: setup
	$(CHAOS)

## look for known vulnerabilities in the pinned packages; needs network access
audit: setup
	$(AUDIT)

## draw the samples of styles that have none; `writing-service samples --all` redraws all
samples: $(LOCAL)
	$(BIN)/writing-service samples

## build the documentation as a site in out/docs
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir out/docs

## check lint, types, import rules and, with network access, known vulnerabilities
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if $(BIN)/python -c "$(PROBE)" 2>/dev/null; then $(AUDIT); else echo "PyPI's vulnerability data cannot be reached, so dependencies were not audited"; fi

bench: setup
	$(BIN)/python -m bench.conditioning
	$(BIN)/python -m bench.scene
	$(BIN)/python -m bench.overhead
	$(BIN)/python -m bench.api_throughput
	$(BIN)/python -m bench.event_listeners
	$(BIN)/python -m bench.png
	$(BIN)/python -m bench.engine_load
	$(BIN)/python -m bench.busy_threads
	$(BIN)/python -m bench.memory

## measure the embedded model, in about an hour
bench-embedded: setup
	$(BIN)/python -m bench.embedded_model

## on a machine with a GPU: run the tests that need one, then measure a full-size SDXL
gpu: setup
	@$(BIN)/python -c "import sys, torch; sys.exit(None if torch.cuda.is_available() else 'make gpu: this machine has no usable CUDA GPU')"
	$(BIN)/python -m pytest -m gpu tests/gpu
	$(BIN)/python -m bench.gpu_speed

## run the whole service with a full-size SDXL of random weights; needs 12 GiB of memory and 10 GB of disk, but no GPU
rehearse: setup
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m bench.rehearsal

## draw 20,000 words from all of Unicode by every method and judge them, in a process that may crash; takes half an hour
fuzz: setup
	$(BIN)/python -m bench.fuzz_words

## build both distributions as wheels in dist/
wheels: $(LOCAL)
	rm -rf build client/build
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist . ./client

clean:
	rm -rf $(VENV) build client/build dist out var
