# make demo: the relay and the Microsoft 365 emulator on loopback.  make test: everything.  make check: the fast tier.
PYTHON ?= python3
UV ?= $(shell command -v uv || echo .tools/bin/uv)
BIN = .venv/bin
# How long `make soak` lasts.
MINUTES ?= 20
# How many malformed sessions `make storm` plays, and which.
SESSIONS ?= 1000000
SEED ?= 13
QUICK = tests/unit tests/golden tests/property tests/contract tests/plan tests/shape
SLOW = tests/stories tests/load tests/crash tests/hostile tests/devices tests/e2e tests/interop
# One file each at a time, in the order of the folders: the longest stories come first, so that no worker is left with
# them at the end. Two cores decide: two workers where a test computes, three where many wait for a deadline.
PYTEST = $(BIN)/pytest -q -rs --durations=25 --durations-min=5 --dist loadfile --no-loadscope-reorder
# The tests start the relay and its commands two thousand times: half of that would be compiling it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check slow packages bench bench-quota torture soak storm container clean

.venv/ready: requirements/dev.txt pyproject.toml
	command -v $(UV) >/dev/null || $(PYTHON) -m pip install -q --target .tools uv
	$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	$(UV) pip install -q --python $(BIN)/python --compile-bytecode --require-hashes -r requirements/dev.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/ready
	$(BIN)/relay365 demo

check: .venv/ready
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy --strict src bench
	$(BIN)/lint-imports --no-cache
	$(PYTEST) -n 2 $(QUICK)

packages:
	tests/packages.sh

slow: .venv/ready
	$(PYTEST) -n 3 $(SLOW)

test: packages check slow

bench: .venv/ready
	$(BIN)/python -m bench --runs 3 --write

bench-quota: .venv/ready
	$(BIN)/python -m bench.quota --write

torture: .venv/ready
	cd tests && ../$(BIN)/python -m torture

soak: .venv/ready
	cd tests && ../$(BIN)/python -m torture.soak --minutes $(MINUTES)

storm: .venv/ready
	cd tests && ../$(BIN)/python -m hostile.sessions --count $(SESSIONS) --seed $(SEED)

# As root, with podman, crun and mmdebstrap: the image is built and run.
container: .venv/ready
	$(BIN)/pytest -q tests/container/story.py

clean:
	rm -rf .venv .tools tests/interop/node_modules tests/interop/.venv tests/interop/.tools
