"""Maskings: which positions see which, and which are targets. The code of `kind: x` is `hydrarec/masking/x.py`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hydrarec.config.base import AnyKind, KindConfigModel


class MaskingConfig(KindConfigModel):
    """A masking."""

    room: ClassVar[str] = "masking"
    causal: ClassVar[bool]
    """Whether a position may see only itself and earlier ones."""


class CausalMaskingConfig(MaskingConfig):
    """Every position predicts the next item (SASRec: Kang & McAuley 2018, section III-A)."""

    kind: Literal["causal"] = "causal"
    causal: ClassVar[bool] = True


class BidirectionalMaskingConfig(MaskingConfig):
    """Cloze: hidden items are predicted from both sides (BERT4Rec: Sun et al. 2019, section 3.6)."""

    kind: Literal["bidirectional"] = "bidirectional"
    causal: ClassVar[bool] = False
    mask_probability: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Chance of each item to be hidden; at least one item of a sequence always is."""
    last_item_probability: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of sequences in which only the last item is hidden, which is what inference asks for."""


Masking = Annotated[MaskingConfig, AnyKind()]
