"""Options of the package's baselines, apart from their code, so that planning can check them without loading torch.

A baseline of the package that is not in `OPTIONS` has its options beside its code, and only its job checks them.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hydrarec.config.base import ConfigModel
from hydrarec.config.datasets import DatasetConfig, SyntheticReaderConfig


class BaselineOptions(ConfigModel):
    """Options of a baseline."""

    def why_unfit(self, dataset: DatasetConfig) -> str | None:
        """Return why the baseline cannot work on a data set; None where it can."""
        return None


SEEDED = {"bpr_mf", "random"}
"""Baselines of the package whose results change with the seed."""


class NoOptions(BaselineOptions):
    """Options of a baseline that has none."""


class BayesOptions(NoOptions):
    """Options of `bayes`, of which there are none."""

    def why_unfit(self, dataset: DatasetConfig) -> str | None:
        """Refuse all data but generated ones that are as they were drawn."""
        if not isinstance(dataset.reader, SyntheticReaderConfig):
            return f"the best possible score is known of generated data only, not of reader {dataset.reader.kind}"
        if dataset.thin or dataset.tie_order is not None or not dataset.filter.keeps_all:
            return (
                "the best possible score is known where histories are whole and in order; allowed here: no thin, no "
                "tie_order, a filter with both minima 1 and repeats: keep"
            )
        return None


class BprMfOptions(BaselineOptions):
    """Options of `bpr_mf`.

    The defaults are within 2 % of the highest validation NDCG@10 of fourteen settings on MovieLens-1M. Sparse data want
    more: on Beauty (BERT4Rec file) a learning rate of 0.05 gave .0054 after 20 iterations and .0136 after 100.
    """

    factors: Annotated[int, Field(ge=1)] = 64
    """length of the vectors, besides the item bias"""
    learning_rate: Annotated[float, Field(gt=0)] = 0.02
    """step size of stochastic gradient descent"""
    regularization: Annotated[float, Field(ge=0)] = 0.01
    """weight of the squared norms"""
    iterations: Annotated[int, Field(ge=1)] = 50
    """passes, each with as many sampled pairs as there are interactions"""


class EaseOptions(BaselineOptions):
    """Options of `ease`.

    The default `l2` has the highest validation NDCG@10 of 50 to 2000 on MovieLens-1M.
    """

    l2: Annotated[float, Field(gt=0)] = 200.0
    """weight of the squared norm of the item-item weights"""
    max_memory_gib: Annotated[float, Field(gt=0)] = 16.0
    """largest memory for the dense item-item matrices; more is refused before anything is computed"""


class ItemKnnOptions(BaselineOptions):
    """Options of `itemknn`.

    The defaults have the highest validation NDCG@10, of 20 to 1000 neighbours and decays of 0.2 to 1, on Beauty
    (BERT4Rec file), and on MovieLens-1M up to 0.0004.
    """

    neighbours: Annotated[int, Field(ge=1)] = 1000
    """most similar items that are kept of each item"""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.5
    """weight of an item of the history, as a share of the next newer one's; 1: all weigh the same"""
    shrinkage: Annotated[float, Field(ge=0)] = 0.0
    """added to the denominator of the cosine, against high similarities from few users"""


class MarkovSmoothedOptions(BaselineOptions):
    """Options of `markov_smoothed`.

    The defaults are within 1 % of the highest validation NDCG@10 on MovieLens-1M and on Beauty (BERT4Rec file), of
    windows of 1 to 10, decays of 0.5 to 1, for gaps and ages apart, and smoothings of 1 to 100.
    """

    window: Annotated[int, Field(ge=1)] = 10
    """how many events after an item count as having followed it"""
    decay: Annotated[float, Field(gt=0, le=1)] = 0.8
    """weight of a follower one event further on, and of a history one event further back, relative to the nearer one"""
    smoothing: Annotated[float, Field(gt=0)] = 100.0
    """transitions distributed like popularity that are added to those counted after each item"""


class RecentPopularityOptions(BaselineOptions):
    """Options of `recent_popularity`.

    The default 5 has the highest validation NDCG@10 of 1 to 50 events on MovieLens-1M; on Beauty (BERT4Rec file) it is
    2, by 0.0004.
    """

    by: Literal["last_items", "time"] = "last_items"
    """what is recent: last_items, the newest events of each user; time, those close to the end of the training data"""
    last_items: Annotated[int, Field(ge=1)] = 5
    """by: last_items only; newest training events of each user that count"""
    half_life_days: Annotated[float, Field(gt=0)] = 30.0
    """by: time only; an event counts half as much as one so many days later"""

    @model_validator(mode="after")
    def _no_idle_option(self) -> Self:
        idle = {"last_items": "half_life_days", "time": "last_items"}[self.by]
        if idle in self.model_fields_set:
            raise ValueError(f"{idle} has no effect with by: {self.by}")
        return self

    def why_unfit(self, dataset: DatasetConfig) -> str | None:
        """Refuse `by: time` where there are no times."""
        if self.by == "last_items" or dataset.reader.has_timestamps:
            return None
        return f"by: time needs times, which reader {dataset.reader.kind} does not have; allowed here: by: last_items"


OPTIONS: dict[str, type[BaselineOptions]] = {
    "bayes": BayesOptions,
    "bpr_mf": BprMfOptions,
    "ease": EaseOptions,
    "itemknn": ItemKnnOptions,
    "markov": NoOptions,
    "markov_smoothed": MarkovSmoothedOptions,
    "oracle": NoOptions,
    "popularity": NoOptions,
    "random": NoOptions,
    "recent_popularity": RecentPopularityOptions,
}
"""By baseline."""
