"""What is held out and how it is measured."""

from typing import Annotated, Literal

from pydantic import Field

from hydrarec.config.base import Block

Protocol = Literal["loo", "gts"]

PROTOCOL_TITLES: dict[str, str] = {
    "loo": "leave-one-out: the last item is the test target, the one before it the validation target",
    "gts": "global temporal split at the 0.9 time quantile, successive targets averaged per user",
}


class EvaluationConfig(Block):
    """Metrics, the reference of the comparison and its error rate."""

    cutoffs: list[Annotated[int, Field(ge=1, le=100)]] = [1, 5, 10, 20]
    """The k of HR@k and NDCG@k; stored recommendation lists hold 100 items, hence the limit."""
    reference: str
    """Run id that every other run is compared with."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Family-wise error rate of the comparisons; intervals cover 1 - alpha."""
    accepted_versions: list[str] = []
    """Versions of this package whose results may stand in one comparison; without them all must be of one version."""
