"""Claims that stand in a file of their own, and what the tables of a comparison say about each.

A kind of claim is a file: `kind: superior` is `hydrarec/claims/superior.py`, class `SuperiorClaim`.
"""

from hydrarec.claims.decide import decide

__all__ = ["decide"]
