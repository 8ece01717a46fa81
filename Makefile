# Needs Python 3.11 or newer and make; everything else is set up here.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check format bench fuzz screenshots lock clean

demo: $(READY)
	$(BIN)/mxtui demo

# More of them than cores: most tests wait for servers. In the order of their names the slowest file is the first one.
test: $(READY)
	$(BIN)/pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

# Wants a wheel of atheris: there are some for Linux on x86-64. FUZZ_SECONDS=600 make fuzz
FUZZ_SECONDS ?= 300
fuzz: $(READY)
	$(BIN)/uv pip install --quiet --python $(BIN)/python "atheris>=3.0"
	$(BIN)/python -m tests.fuzzing $(FUZZ_SECONDS)

screenshots: $(READY)
	$(BIN)/python -m tests.screenshots

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "mxtui needs Python 3.11 or newer, and none was found"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Compiles every pinned version with its hashes; names no index.
lock: $(READY)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --group dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
