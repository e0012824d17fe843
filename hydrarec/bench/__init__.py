"""How fast this package is, against named alternatives in the same run; `hydrarec bench <name>` repeats each figure.

A benchmark is a file here with a function `cases`; what it measured is a folder with `times.parquet` and
`machine.json`. `docs/performance.md` is made of the folders kept in `docs/performance/`.
"""
