"""How long things take and how much memory they need: fair timing, floors, operation counts, scaling laws."""
