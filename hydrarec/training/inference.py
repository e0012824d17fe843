"""The one time a trained model meets the test targets."""

from collections.abc import Sequence
from pathlib import Path

from hydrarec.config.protocol import LIST_LENGTH
from hydrarec.contention import load_average
from hydrarec.costs import Inference, write_inference
from hydrarec.devices import device_name, gpu_uuid, prepare_process, select_device
from hydrarec.energy import energy_counter
from hydrarec.files import atomic_folder, names_in, sha256
from hydrarec.layout import RANKING_FILES, WEIGHTS
from hydrarec.provenance import changed_part, file_hashes, peak_memory_mib, read_manifest
from hydrarec.ranking.full import BATCH_SIZE, rank
from hydrarec.ranking.outputs import write_ranking
from hydrarec.ranking.sampled import read_sampled_candidates
from hydrarec.sequences.log import read_cases, read_catalogue
from hydrarec.sources import code_state, loaded_sources
from hydrarec.stopwatch import Stopwatch
from hydrarec.training import checkpoint
from hydrarec.training.scorer import ModelScorer


def rank_test(
    model: Path, *, data: Path, protocol: str, threads: int, output: Path, candidates: Sequence[Path] = ()
) -> None:
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
        Run folder; gets `ranks.parquet`, `recommendations.parquet` and `inference.json`, and with drawn candidates
        `sampled.parquet`.
    candidates
        Files of drawn candidates to rank among as well.

    Raises
    ------
    ValueError
        If the data are not those the model was trained on.
    """
    # Asked now: the checkout may be another when the results are written.
    code = code_state()
    split = data / protocol
    _refuse_other_data(model, split)
    settings, network, masking = checkpoint.load(model)
    device = select_device(settings.training.device)
    prepare_process(threads, device)
    cases = read_cases(split, "test", with_timestamps=settings.run.model.takes_timestamps)
    catalogue = read_catalogue(data, split)
    if network.n_items != catalogue.n_items:
        raise ValueError(
            f"{model}: trained on {network.n_items} items, but {data / 'items.parquet'} has {catalogue.n_items}; "
            "rank it on the data that it was trained on"
        )
    sampled_candidates = read_sampled_candidates(candidates, cases, catalogue)
    network.to(device)
    if device.type == "cuda":
        # Kernels are loaded and compiled at their first use, which is no part of what ranking a user takes.
        some = cases.first(BATCH_SIZE)
        rank(ModelScorer(network, masking, some), some, catalogue, batch_size=BATCH_SIZE, top_k=LIST_LENGTH)
    watch = Stopwatch(device, energy_counter(gpu_uuid(device)))
    with watch.running():
        score = ModelScorer(network, masking, cases)
        ranking = rank(
            score,
            cases,
            catalogue,
            batch_size=BATCH_SIZE,
            top_k=LIST_LENGTH,
            sampled_candidates=sampled_candidates,
            what="test",
        )
    cost = Inference(
        device=device_name(device),
        test_s=watch.seconds,
        n_cases=len(cases),
        peak_memory_mib=peak_memory_mib(),
        threads=threads,
        test_cpu_s=watch.cpu_s,
        load=load_average(),
        test_j=watch.joules,
        candidates={one.kind: one.content_hash for one in sampled_candidates},
        code={**code, "sources": loaded_sources()},
    )
    with atomic_folder(output, last="inference.json", replaces=RANKING_FILES) as new:
        write_ranking(new, ranking)
        # Not the model of that name there, but the one that was ranked with.
        hashes = {**file_hashes(new, names_in(new)), WEIGHTS: sha256(model)}
        write_inference(new, cost.model_copy(update={"files": hashes}))


def _refuse_other_data(model: Path, split: Path) -> None:
    """Hold the data to the manifest beside the model, where there is one: they may have been prepared anew since."""
    manifest = model.with_name("manifest.json")
    before = read_manifest(manifest)["data"] if manifest.is_file() else {}
    if changed := changed_part(before, split):
        name, found = changed
        raise ValueError(
            f"{split / name}: not the data of the training: expected {before[name][:16]} by {manifest}, found "
            f"{found[:16]}. Delete {model.parent} and start Snakemake again: it is trained anew."
        )
