"""From the ranks of every run to the tables a report is made of.

`collect` measures each run and checks what must hold before it is believed, `contrast` sets every run against every
other one. Both read only files that `hydrarec rank` and `hydrarec train` wrote, and refuse to mix results that are
about different cases, candidates or data.
"""

from hydrarec.comparison.contrasts import contrast
from hydrarec.comparison.gate import Gate
from hydrarec.comparison.gates import read_gates
from hydrarec.comparison.tables import collect

__all__ = ["Gate", "collect", "contrast", "read_gates"]
