"""The one time a trained model meets the test targets."""

from pathlib import Path

from hydrarec.columns import RANKS, RECOMMENDATIONS, write_table
from hydrarec.costs import write_inference
from hydrarec.devices import device_name, prepare_process, select_device
from hydrarec.files import sha256
from hydrarec.provenance import file_hashes, peak_memory_mib
from hydrarec.ranking.full import BATCH_SIZE, rank
from hydrarec.ranking.lists import LIST_LENGTH
from hydrarec.sequences.log import read_cases, read_catalogue
from hydrarec.training import checkpoint
from hydrarec.training.clock import Stopwatch
from hydrarec.training.scorer import ModelScorer


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
    settings, network, masking = checkpoint.load(model)
    cases = read_cases(split, "test", with_timestamps=settings.run.model.takes_timestamps)
    catalogue = read_catalogue(data, split)
    device = select_device(settings.training.device)
    network.to(device)
    watch = Stopwatch(device)
    with watch.running():
        score = ModelScorer(network, masking, cases)
        ranking = rank(score, cases, catalogue, batch_size=BATCH_SIZE, top_k=LIST_LENGTH, what="test")
    write_table(ranking.ranks, output / "ranks.parquet", RANKS)
    write_table(ranking.recommendations, output / "recommendations.parquet", RECOMMENDATIONS)
    write_inference(
        output,
        device=device_name(device),
        test_s=watch.seconds,
        n_cases=len(cases),
        peak_memory_mib=peak_memory_mib(),
        files={
            **file_hashes(output, ("ranks.parquet", "recommendations.parquet")),
            # Not the file of that name there, but the one that was ranked with.
            "model.safetensors": sha256(model),
        },
    )
