"""What attention operators have in common with the models that do without one."""

from typing import ClassVar

from hydrarec.config.base import KindConfigModel
from hydrarec.config.encoder import EncoderConfig


class Mixer(KindConfigModel):
    """A part that lets positions see each other: an attention operator, or a model that does without one."""

    formula: ClassVar[str] = ""
    """What it computes, in a line of the operator table; sums run over the visible positions s."""
    time: ClassVar[str] = ""
    """How its operations grow with T positions, D features and H heads, causal form if there is one."""
    memory: ClassVar[str] = ""
    """How the numbers it must store grow, beyond its inputs and outputs."""
    source: ClassVar[str] = ""
    """Where it was first described: authors, year, place or arXiv number."""
    no_causal_form: ClassVar[str] = ""
    """Why it cannot keep positions from seeing later ones; empty if it can."""
    no_bidirectional_form: ClassVar[str] = ""
    """Why it cannot let positions see later ones; empty if it can."""

    def why_no_form(self, causal: bool) -> str | None:
        """Return why it cannot be masked causally, or bidirectionally; None if it can."""
        return (self.no_causal_form if causal else self.no_bidirectional_form) or None

    def why_unfit(self, encoder: EncoderConfig) -> str | None:
        """Return why it cannot be built in an encoder of this size; None if it can."""
        return None
