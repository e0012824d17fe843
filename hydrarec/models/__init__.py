"""Sequence models: item sequences to hidden states to scores. One file per kind; `kind: x` is `x.py`."""
