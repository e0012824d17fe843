"""Scores to ranks: full-catalogue ranking of a scorer, and conversion of recommendation lists."""
