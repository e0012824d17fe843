"""The one time a trained model meets the test targets."""

from pathlib import Path

from hydrarec.columns import RANKS, RECOMMENDATIONS, write_table
from hydrarec.devices import device_name, prepare_process, select_device
from hydrarec.files import write_json
from hydrarec.provenance import peak_memory_mib
from hydrarec.ranking.full import rank
from hydrarec.sequences.log import read_cases, read_catalogue
from hydrarec.training import checkpoint
from hydrarec.training.clock import Stopwatch
from hydrarec.training.engine import RANKING_BATCH
from hydrarec.training.scorer import ModelScorer

TOP_K = 100
"""Length of the stored recommendation lists."""


def rank_test(model: Path, *, data: Path, protocol: str, threads: int, output: Path) -> None:
    """Rank the test targets with a trained model.

    Parameters
    ----------
    model
        A `model.safetensors` that `train` wrote.
    data
        Dataset folder, with a folder per protocol.
    protocol
        Which split.
    threads
        CPU threads.
    output
        Run folder; gets `ranks.parquet`, `recommendations.parquet` and `inference.json`.
    """
    prepare_process(threads)
    split = data / protocol
    cases, catalogue = read_cases(split, "test"), read_catalogue(data, split)
    settings = checkpoint.read_settings(model)
    device = select_device(settings.training.device)
    network, masking = checkpoint.load(model, device)
    watch = Stopwatch(device)
    with watch.running():
        ranking = rank(
            ModelScorer(network, masking, cases), cases, catalogue, batch_size=RANKING_BATCH, top_k=TOP_K, what="test"
        )
    write_table(ranking.ranks, output / "ranks.parquet", RANKS)
    write_table(ranking.recommendations, output / "recommendations.parquet", RECOMMENDATIONS)
    write_json(
        output / "inference.json",
        {
            "device": device_name(device),
            "test_s": watch.seconds,
            "infer_ms_per_user": 1000 * watch.seconds / len(cases),
            "n_cases": len(cases),
            "peak_memory_mib": peak_memory_mib(),
        },
    )
