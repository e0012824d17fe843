"""`python -m hydrarec` is the command line."""

from hydrarec.cli import main

main()
