"""Answers on the terminal: two runs compared, one run's card. The numbers are those of the tables."""
