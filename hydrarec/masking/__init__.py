"""Maskings: which positions see which, and which are targets. One file per kind; `kind: x` is `x.py`."""
