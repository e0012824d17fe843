"""How results were obtained."""

from hydrarec.report import sentences
from hydrarec.report.blocks import Chapter, Lines, Part
from hydrarec.report.inputs import Inputs


def protocol(inputs: Inputs) -> Chapter:
    """Say it in ten lines."""
    return Chapter("protocol", "Protocol in ten lines", [Part([Lines(sentences.protocol_lines(inputs))])], "Protocol")
