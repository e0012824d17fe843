"""Losses: hidden states and targets to a number. One file per kind; `kind: x` is `x.py`."""
