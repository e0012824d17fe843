"""Parquet to packed tensors and batches: the only place that knows about padding.

A data set is one flat tensor of items with an offset per user, so a batch is a vectorised gather and no
Python runs per sequence.
"""
