"""What ranking the test targets leaves behind in a run's folder, whoever ranked."""

from pathlib import Path

from hydrarec.columns import RANKS, RECOMMENDATIONS, SAMPLED
from hydrarec.ranking.full import Ranking
from hydrarec.tables import write_table


def write_ranking(folder: Path, ranking: Ranking) -> None:
    """Write `ranks.parquet`, `recommendations.parquet` and, where there were sampled candidates, `sampled.parquet`.

    Parameters
    ----------
    folder
        Where they are written to.
    ranking
        Ranks with lists.
    """
    assert ranking.recommendations is not None
    write_table(ranking.ranks, folder / "ranks.parquet", RANKS)
    write_table(ranking.recommendations, folder / "recommendations.parquet", RECOMMENDATIONS)
    if ranking.sampled is not None:
        write_table(ranking.sampled, folder / "sampled.parquet", SAMPLED)
