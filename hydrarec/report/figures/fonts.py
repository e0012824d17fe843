"""A small font for PDF files.

A PDF holds the shapes of the letters it uses, and finding these in the whole of DejaVu Sans takes longer than drawing a
figure. Taken out once, the letters of Latin, Greek and Cyrillic scripts and the usual symbols are found at once; any
other letter still comes from the whole font.
"""

import atexit
import tempfile
from functools import cache
from pathlib import Path

from fontTools import subset
from matplotlib import font_manager

_WHOLE, _SMALL = "DejaVu Sans", "DejaVu Sans of HydraRec"
_NAMES = {1: _SMALL, 2: "Regular", 4: _SMALL, 6: _SMALL.replace(" ", ""), 16: _SMALL, 17: "Regular"}
"""Family, style, full name, PostScript name, and the first two again; by their numbers in the format."""
_LETTERS = [
    *range(0x20, 0x530),
    # Phonetic letters in superscript; Latin with marks; punctuation, super- and subscripts, arrows, mathematics.
    *range(0x1D2C, 0x1D80),
    *range(0x1E00, 0x1F00),
    *range(0x2000, 0x2300),
]
_LEFT_OUT = ["GSUB", "GPOS", "GDEF", "kern", "FFTM"]
"""Tables of how letters join, and when the font was drawn."""


@cache
def pdf_families() -> list[str]:
    """Return the families to look for letters in, best first; makes the small font when first asked."""
    folder = tempfile.TemporaryDirectory(prefix="hydrarec-font-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "small.ttf"
    options = subset.Options(notdef_outline=True, name_IDs=["*"], layout_features=[])
    options.drop_tables += _LEFT_OUT
    font = subset.load_font(font_manager.findfont(_WHOLE), options)
    letters = subset.Subsetter(options)
    letters.populate(unicodes=_LETTERS)
    letters.subset(font)
    for record in font["name"].names:
        record.string = _NAMES.get(record.nameID, str(record))
    subset.save_font(font, str(path), options)
    font_manager.fontManager.addfont(path)
    return [_SMALL, _WHOLE]
