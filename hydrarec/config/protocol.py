"""What is held out and how it is measured."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from hydrarec.config.base import ConfigModel, each_once

Protocol = Literal["loo", "gts"]

SampledKind = Literal["uniform-100", "popularity-100"]
"""How candidates are drawn: each item alike, or in proportion to its training interactions; and how many."""

LIST_LENGTH = 100
"""Items of a stored recommendation list, or all candidates if there are fewer."""

PROTOCOL_TITLES: dict[str, str] = {
    "loo": "leave-one-out: the last item is the test target, the one before it the validation target",
    "gts": "global temporal split at the 0.9 time quantile, successive targets averaged per user",
}


def sample_size(kind: str) -> int:
    """Return how many candidates a kind asks for.

    >>> sample_size("uniform-100")
    100
    """
    return int(kind.rpartition("-")[2])


class EvaluationConfig(ConfigModel):
    """Metrics, the reference of the comparison and its error rate."""

    cutoffs: Annotated[list[Annotated[int, Field(ge=1, le=LIST_LENGTH)]], Field(min_length=1)] = [1, 5, 10, 20]
    """The k of HR@k and NDCG@k; stored recommendation lists are no longer, hence the limit."""
    reference: str
    """Run id that every other run is compared with."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Family-wise error rate of the comparisons; intervals cover 1 - alpha."""
    margin: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Difference, as a fraction of the reference's mean, below which two runs count as equivalent."""
    tight_margin: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """A stricter margin, reported beside it."""
    flips: Annotated[int, Field(ge=999)] = 10_000
    """Sign flips behind the p-values of all pairs."""
    sampled: list[SampledKind] = []
    """Draws of 100 candidates that targets are ranked among as well, for the sensitivity tables and for comparison with
    papers that drew; never used for selection, tests or claims."""
    accepted_versions: list[str] = []
    """Versions of this package whose results may stand in one comparison; without them all must be of one version."""

    @property
    def primary_cutoff(self) -> int:
        """The k that results are sorted and tested by: 10, or the largest there is if 10 is not computed."""
        return 10 if 10 in self.cutoffs else max(self.cutoffs)

    @property
    def primary_metric(self) -> str:
        """The metric that results are sorted by."""
        return f"ndcg@{self.primary_cutoff}"

    @property
    def paired_metrics(self) -> list[str]:
        """The metrics on which all pairs of runs are compared, the primary one first."""
        return [self.primary_metric, f"hr@{self.primary_cutoff}"]

    _once = field_validator("sampled")(each_once)
