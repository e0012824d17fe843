"""Attention operators. One file per kind; `kind: x` is `x.py`, with `XAttention` and its definition `naive_x`."""
