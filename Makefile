# make demo: the relay and the Microsoft 365 emulator on loopback.  make test: everything.  make check: the fast tier.
PYTHON ?= python3
UV ?= $(shell command -v uv || echo .tools/bin/uv)
BIN = .venv/bin

.PHONY: demo test check clean

.venv/ready: requirements/dev.txt pyproject.toml
	command -v $(UV) >/dev/null || $(PYTHON) -m pip install -q --target .tools uv
	$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

demo: .venv/ready
	$(BIN)/relay365 demo

check: .venv/ready
	$(BIN)/mypy --strict src
	$(BIN)/pytest -q tests/unit tests/golden tests/property tests/contract tests/shape

test: check
	$(BIN)/pytest -q -rs tests/crash tests/e2e tests/interop

clean:
	rm -rf .venv .tools
