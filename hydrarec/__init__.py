"""A reproducible benchmark of attention operators for sequential recommendation."""

__version__ = "0.1.0"
