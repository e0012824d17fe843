"""Where every file of `results/` lies (ADR 0002). Code asks here; the patterns of rules spell the folders out."""

from pathlib import Path

COLLECTED, CONTRASTED, ANALYSED, DECIDED = "collected.json", "contrasted.json", "analysed.json", "decided.json"
"""Files beside the tables over all runs: the settings with which a step made its own."""

WEIGHTS = "model.safetensors"
"""File of a trained run whose hash both its manifest and its ranking record."""
COSTS = "costs.json"
"""What a method outside this package hands over with its lists; other runs have none."""
TRAINING_FILES = (WEIGHTS, "history.parquet", "timing.json", "manifest.json")
"""What a training leaves behind in a run's folder."""
RANKING_FILES = ("ranks.parquet", "recommendations.parquet", "sampled.parquet", "inference.json")
"""What ranking the test targets does."""
ALL_FILES = (*TRAINING_FILES, *RANKING_FILES, COSTS)
"""All that a run's folder can hold once it is finished."""
REQUIRED = ("ranks.parquet", "recommendations.parquet", "timing.json", "inference.json", "manifest.json")
"""What every finished run leaves behind, trained or not."""


PARTS = ("train", "validation", "test")
"""Parts of a split, each a Parquet file."""


def raw_file(results: Path, sha256: str, name: str) -> Path:
    """Return a downloaded file; datasets that are made of the same bytes share it."""
    return results / "raw" / sha256[:16] / name


def environment_file(results: Path, name: str) -> Path:
    """Return the list of packages of an environment of another library, which its building leaves last."""
    return results / "environments" / name / "packages.txt"


def data_folder(results: Path, dataset: str) -> Path:
    """Return the folder of `interactions.parquet`, `items.parquet`, `users.parquet` and `card.json`."""
    return results / "data" / dataset


def card_file(results: Path, dataset: str) -> Path:
    """Return the card of prepared data."""
    return data_folder(results, dataset) / "card.json"


def split_folder(results: Path, dataset: str, protocol: str) -> Path:
    """Return the folder of `train.parquet`, `validation.parquet`, `test.parquet` and `split.json`."""
    return data_folder(results, dataset) / protocol


def candidates_file(split: Path, kind: str) -> Path:
    """Return the file of a split's drawn candidates of a kind, such as `uniform-100`."""
    return split / f"candidates-{kind}.parquet"


def run_folder(results: Path, dataset: str, protocol: str, run: str, seed: int) -> Path:
    """Return the folder of everything one run with one seed leaves behind."""
    return results / "runs" / dataset / protocol / run / f"seed-{seed}"


def absent_files(run: Path) -> list[str]:
    """Return what a finished run leaves behind and is not in its folder."""
    return [name for name in REQUIRED if not (run / name).is_file()]


def comparison_folder(results: Path, report: str) -> Path:
    """Return the folder of the tables over all runs of a report."""
    return results / "comparison" / report


def efficiency_folder(results: Path, report: str, device: str) -> Path:
    """Return the folder of what was measured for a report on a device, as the configuration names it."""
    return results / "efficiency" / report / device
