"""The page people read: tables, figures and sentences about a comparison. It shows; it computes nothing."""

from hydrarec.report.render import render

__all__ = ["render"]
