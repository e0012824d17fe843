"""How sure a comparison is: intervals and tests over users and training seeds, and corrections for many of them.

Small pure functions over arrays; nothing here reads a file or knows what a metric is.
"""
