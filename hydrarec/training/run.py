"""One training from the prepared data to what a run leaves behind; interrupted, it is taken up where it stopped."""

import logging
import socket
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hydrarec import __version__, heap
from hydrarec.columns import HISTORY
from hydrarec.config import RunSettings
from hydrarec.costs import Timing, write_timing
from hydrarec.devices import device_name, gpu_uuid, prepare_process, select_device
from hydrarec.energy import energy_counter
from hydrarec.files import atomic_folder, names_in
from hydrarec.layout import ALL_FILES
from hydrarec.provenance import data_hashes, write_manifest
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.sources import code_state
from hydrarec.stopwatch import Stopwatch
from hydrarec.tables import write_table
from hydrarec.training import checkpoint
from hydrarec.training.engine import Epoch, Trainer, best, converged
from hydrarec.training.interruption import Interruption, ignore_requests_to_save
from hydrarec.training.leak import refuse_leak
from hydrarec.training.lock import lock_training
from hydrarec.training.state import TrainingState
from hydrarec.unfinished import STATE_FOLDER

log = logging.getLogger(__name__)


def train(
    settings: RunSettings, *, data: Path, protocol: str, seed: int, threads: int, output: Path, runs_per_gpu: int = 1
) -> None:
    """Train one run and write what it leaves behind.

    The state is saved after every epoch, and on SIGTERM, SIGINT and SIGUSR1, in the folder `state` of the run
    folder, which is there until the run is finished. Called again with the same settings and data, training goes on
    from there, with as many threads as it was begun with; on a CPU the result is that of an uninterrupted run, to the
    byte.

    Parameters
    ----------
    settings
        The run's complete settings.
    data
        Dataset folder, with a folder per protocol.
    protocol
        Which split.
    seed
        The run's seed.
    threads
        CPU threads.
    output
        Run folder; gets `model.safetensors` (best epoch), `history.parquet`, `timing.json` and `manifest.json`.
    runs_per_gpu
        Trainings that share the GPU, this one included; noted with the times, which say little if it is not 1.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    SystemExit
        After a signal to stop, once the state is saved.
    ValueError
        If a causal model sees the future, a GPU was granted or the state is of one and there is none, or another
        process trains this already.
    """
    ignore_requests_to_save()
    device = select_device(settings.training.device)
    # Before anything else, for what follows may take a day.
    log.info("training on %s: %s", socket.gethostname(), device_name(device))
    # Asked now: checkout and data may be others when the results are written. The test part is hashed with the rest, so
    # that a damaged one is found before anything is trained; its targets are not looked at.
    code, seen = code_state(), data_hashes(data / protocol)
    prepare_process(threads, device)
    heap.keep_freed()
    setup = Stopwatch(device)
    split, with_timestamps = data / protocol, settings.run.model.takes_timestamps
    with setup.running():
        trainer = Trainer(
            settings,
            read_train(split, with_timestamps=with_timestamps),
            read_cases(split, "validation", with_timestamps=with_timestamps),
            read_catalogue(data, split),
            seed=seed,
            device=device,
            # The counter is the GPU's, not the process's.
            energy=energy_counter(gpu_uuid(device)) if runs_per_gpu == 1 else None,
        )
        if settings.run.masking.causal:
            refuse_leak(trainer.model, trainer.train_log, settings.encoder.max_length)
        if trainer.compiles:
            # Else the first epoch would take seconds longer, and with some operators more than with others.
            trainer.warm_up()
    state = TrainingState(
        folder=output / STATE_FOLDER,
        identity=_identity(settings, seen, seed, device),
        host=socket.gethostname(),
        code=code,
        threads=threads,
        runs_per_gpu=runs_per_gpu,
    )
    with lock_training(state.folder):
        state.restore(trainer)
        if state.threads != threads:
            log.warning("goes on with %d threads, with which it was begun, and not with %d", state.threads, threads)
            torch.set_num_threads(state.threads)
        _train_until_done(trainer, state)

    with atomic_folder(output, last="manifest.json", replaces=ALL_FILES) as new:
        checkpoint.save(trainer.best_weights, settings, trainer.model.n_items, new / "model.safetensors")
        write_table(pd.DataFrame([vars(epoch) for epoch in trainer.history]), new / "history.parquet", HISTORY)
        write_timing(new, _timing(trainer, state, setup.seconds))
        write_manifest(
            new / "manifest.json",
            run=settings.run.model_dump(mode="json"),
            settings=settings.model_dump(mode="json"),
            dataset=data.name,
            protocol=protocol,
            seed=seed,
            data=seen,
            threads=state.threads,
            device=device_name(device),
            files=names_in(new),
            resumed=state.resumed,
            hosts=state.hosts,
            earlier_code=state.earlier_code,
            earlier_sources=state.earlier_sources,
        )
    state.remove()


def _train_until_done(trainer: Trainer, state: TrainingState) -> None:
    def save() -> None:
        with trainer.train_watch.paused():
            state.save(trainer)

    with Interruption() as interruption:
        while not trainer.done:
            _log(trainer.epoch(lambda: interruption.answer(save)), trainer.history)
            state.save(trainer)
            interruption.answer(lambda: None)


def _log(epoch: Epoch, history: list[Epoch]) -> None:
    log.info(
        "epoch %d loss %.4f validation NDCG@10 %.4f HR@10 %.4f (best %.4f in epoch %d) train %.1f s",
        epoch.epoch,
        epoch.loss,
        epoch.validation_ndcg10,
        epoch.validation_hr10,
        best(history).validation_ndcg10,
        best(history).epoch,
        epoch.train_s,
    )


def _identity(settings: RunSettings, seen: dict[str, str], seed: int, device: torch.device) -> dict[str, object]:
    """Return what a state must agree with to be taken up."""
    return {
        # With `device: auto`, a training begun without a GPU may find one; its times would be of neither.
        "device": device.type,
        "settings": settings.model_dump(mode="json"),
        "seed": seed,
        "data": {name: seen[f"{name}.parquet"] for name in ("train", "validation")},
        "versions": {"hydrarec": __version__, "torch": torch.__version__},
    }


def _timing(trainer: Trainer, state: TrainingState, setup_s: float) -> Timing:
    history = trainer.history
    epoch_s = statistics.median(np.diff([0.0, *(epoch.train_s for epoch in history)]))
    cpu_s = [epoch.train_cpu_s for epoch in history if epoch.train_cpu_s is not None]
    loads = [epoch.load for epoch in history if epoch.load is not None]
    return Timing(
        device=device_name(trainer.device),
        threads=state.threads,
        runs_per_gpu=state.runs_per_gpu,
        epochs=len(history),
        best_epoch=best(history).epoch,
        converged=converged(history, trainer.settings.training),
        parameters=trainer.n_parameters,
        setup_s=setup_s,
        train_s=history[-1].train_s,
        epoch_s=epoch_s,
        train_to_best_s=best(history).train_s,
        validation_s=history[-1].validation_s,
        peak_memory_mib=state.peak_memory_mib,
        peak_gpu_mib=state.peak_gpu_mib,
        train_cpu_s=history[-1].train_cpu_s,
        epoch_cpu_s=statistics.median(np.diff([0.0, *cpu_s])) if len(cpu_s) == len(history) else None,
        train_to_best_cpu_s=best(history).train_cpu_s,
        validation_cpu_s=trainer.validation_watch.cpu_s,
        load=statistics.mean(loads) if loads else None,
        train_j=history[-1].train_j,
        validation_j=trainer.validation_watch.joules,
    )
