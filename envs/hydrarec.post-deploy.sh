#!/usr/bin/env bash
# Run by Snakemake inside the new environment, from the root of the checkout.
set -euo pipefail
python -m pip install --requirement envs/requirements.lock
python -m pip install --no-build-isolation --no-deps --editable .
