"""What a report leaves beside its page, for papers and programs: figures, tables, and all numbers."""

from hydrarec.report.export.write import write_all

__all__ = ["write_all"]
