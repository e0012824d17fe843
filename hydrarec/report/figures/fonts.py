"""Small fonts for PDF files.

A PDF holds the shapes of the letters it uses, and finding these in the whole of DejaVu Sans takes longer than drawing a
figure; how long depends on how many letters the font has. So two fonts are taken out of it once: the letters that
nearly every figure does with, and those of Latin, Greek and Cyrillic scripts with the usual symbols. Any other letter
still comes from the whole font.
"""

import atexit
import tempfile
from functools import cache
from pathlib import Path

from fontTools import subset
from matplotlib import font_manager

_WHOLE = "DejaVu Sans"
_USUAL = [
    *range(0x20, 0x7F),
    # Signs of numbers and formulas, spaces and dashes.
    *map(ord, "\u00a0\u00b1\u00b7\u00d7\u00b5\u0394\u03c4\u03c6\u1d40\u1d56"),
    *map(
        ord,
        "\u2009\u2013\u2014\u2026\u202f\u209c\u2212\u2264\u2265",
    ),
]
_COMMON = [
    *range(0x20, 0x530),
    # Phonetic letters in superscript; Latin with marks; punctuation, super- and subscripts, arrows, mathematics.
    *range(0x1D2C, 0x1D80),
    *range(0x1E00, 0x1F00),
    *range(0x2000, 0x2300),
]
_SMALL = {f"{_WHOLE} of HydraRec, usual": _USUAL, f"{_WHOLE} of HydraRec, common": _COMMON}
"""Letters of the small fonts by family, the one to look in first before the other."""
_LEFT_OUT = ["GSUB", "GPOS", "GDEF", "kern", "FFTM"]
"""Tables of how letters join, and when the font was drawn."""


@cache
def pdf_families() -> list[str]:
    """Return the families to look for letters in, best first; makes the small fonts when first asked."""
    folder = tempfile.TemporaryDirectory(prefix="hydrarec-font-")
    atexit.register(folder.cleanup)
    for number, (family, letters) in enumerate(_SMALL.items()):
        path = Path(folder.name) / f"{number}.ttf"
        _take_out(family, letters, path)
        font_manager.fontManager.addfont(path)
    return [*_SMALL, _WHOLE]


def _take_out(family: str, letters: list[int], path: Path) -> None:
    """Write a font that has some of the letters of DejaVu Sans."""
    # Family, style, full name, PostScript name, and the first two again; by their numbers in the format.
    plain = family.replace(" ", "").replace(",", "")
    names = {1: family, 2: "Regular", 4: family, 6: plain, 16: family, 17: "Regular"}
    options = subset.Options(notdef_outline=True, name_IDs=["*"], layout_features=[])
    options.drop_tables += _LEFT_OUT
    with subset.load_font(font_manager.findfont(_WHOLE), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=letters)
        subsetter.subset(font)
        for record in font["name"].names:
            record.string = names.get(record.nameID, str(record))
        subset.save_font(font, str(path), options)
