# The commands a newcomer needs. `make setup` is what `demo` and `test` do first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LOCK   := envs/requirements.lock
CORES  ?= 2
# Snakemake and the tests must find this checkout's `hydrarec`, `ruff`, `snakefmt`, … first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup
setup: $(VENV)/.installed

$(VENV)/.installed: $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python >= 3.11 is needed; {sys.executable} is {v.major}.{v.minor}. Try: make setup PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement $(LOCK)
	@# On all cores, where pip uses one. What cannot be compiled is not imported either.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# The whole pipeline on the embedded data set; no GPU, no download.
.PHONY: demo
demo: setup
	snakemake --profile local --configfile examples/demo.yaml --cores $(CORES) --quiet host rules reason
	@echo
	@echo "The report: $(CURDIR)/reports/demo/index.html"

# config.yaml's comparison on this machine, and its report.
.PHONY: report
report: setup
	snakemake --profile local

# A report of what is finished, while runs compute or after some failed: make partial-report CONFIG=examples/demo.yaml
CONFIG ?= config.yaml
.PHONY: partial-report
partial-report: setup
	hydrarec partial-report --config $(CONFIG)

# Everything that needs no cluster (make test-slurm). Tests that need raw data sets, a browser or a GPU skip with a reason without them.
.PHONY: test
test: setup
	pytest -n auto --dist loadscope --no-loadscope-reorder

# A real Slurm on this machine, brought up and taken down: as root, on Debian. Skips with a reason elsewhere.
.PHONY: test-slurm
test-slurm: setup
	pytest -m slurm tests/slurm

.PHONY: lint
lint: setup
	ruff check .
	ruff format --check .
	codespell
	lint-imports
	pyright
	snakefmt --check Snakefile workflow
	snakemake --lint
	hydrarec schema | diff workflow/schemas/config.schema.json - || { echo "stale: run make generated"; exit 1; }
	hydrarec schema hypotheses | diff workflow/schemas/hypotheses.schema.json - || { echo "stale: run make generated"; exit 1; }
	hydrarec operators | diff docs/attention/README.md - || { echo "stale: run make generated"; exit 1; }

# How fast this package is beside named alternatives, on this machine: results/bench/, an hour on two quiet cores.
# `hydrarec performance --results results/bench` takes it into docs/performance.md.
.PHONY: bench
bench: setup
	hydrarec bench hydra stream training
	hydrarec bench planning preparation ranking significance --threads 2

# Regenerate what is committed but generated.
.PHONY: generated
generated: setup
	hydrarec schema > workflow/schemas/config.schema.json
	hydrarec schema hypotheses > workflow/schemas/hypotheses.schema.json
	hydrarec operators > docs/attention/README.md
	snakemake --rulegraph dot | hydrarec rules > .rules.json && mv .rules.json hydrarec/report/assets/rules.json
	hydrarec published
	hydrarec performance

# Re-resolve every pin for Python 3.11 and later. CUDA packages stay out of the file: torch's own
# wheel names the ones it needs, and the CPU wheel needs none.
.PHONY: lock
lock:
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile --universal --python-version 3.11 --fork-strategy fewest \
	    --extra workflow --extra dev --constraint envs/constraints.txt --no-header --no-annotate --quiet pyproject.toml \
	  | grep -Ev '^(nvidia-(cu|n[cv]|cudnn)|cuda-)' > $(LOCK)
