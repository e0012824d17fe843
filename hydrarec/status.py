"""How far a comparison is: what is finished, what stopped where, and the last thing it said.

Read from the files that runs leave, so it can be asked at any time: while jobs run or after a failure, on any machine.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hydrarec.config import BenchmarkConfig
from hydrarec.config.runs import BaselineRun
from hydrarec.formatting import several
from hydrarec.layout import (
    COLLECTED,
    WEIGHTS,
    absent_files,
    card_file,
    comparison_folder,
    environment_file,
    raw_file,
    split_folder,
)
from hydrarec.outdated import why_other_data, why_other_settings, why_other_training, why_unusable
from hydrarec.provenance import changed_sources, ranked_with_other_weights
from hydrarec.run_seeds import RunSeed, planned_run_seeds
from hydrarec.unfinished import STATE_FOLDER, latest, process_at_work, saved_state

FINISHED, INCOMPLETE, OUTDATED, TRAINED = "finished", "incomplete", "outdated", "trained"
AT_WORK, INTERRUPTED, STOPPED, OPEN = "in training", "interrupted", "stopped", "not begun"
STARTING = "begun"
"""At work, or waiting for it, as far as anybody can tell: it has said nothing yet, and a Snakemake works here."""
_KILLED = "its log is empty: it was killed before it said anything"
_SILENT = {STARTING: "it has said nothing yet", TRAINED: "its ranking has said nothing yet"}
FAILURES = ("hydrarec: ", "slurmstepd")
"""How a line begins with which a command of this package, or Slurm, says that a job failed."""


@dataclass(frozen=True)
class Progress(RunSeed):
    """How far one run with one seed is."""

    stage: str = OPEN
    epochs: int = 0
    """Epochs saved of a training that is not finished."""
    said: str = ""
    """The last lines of its log, if it is not finished; or why it is outdated."""
    log: Path | None = None
    """Where it said so; of a training that is done, of its ranking if that was begun."""
    changed: tuple[str, ...] = ()
    """Source files of a finished run that were edited since it was computed."""

    @property
    def last_words(self) -> str:
        """What went wrong, if a command of this package said so; else the last line of its log."""
        return _last_words(self.said)

    @property
    def has_reported_failure(self) -> bool:
        """Whether a command of this package ended with a message, any program with a traceback, or by Slurm's doing."""
        return self.last_words.startswith(FAILURES) or "Traceback (most recent call last)" in self.said


def progress(config: BenchmarkConfig, results: Path) -> list[Progress]:
    """Return how far every run of a comparison is.

    Parameters
    ----------
    config
        The comparison.
    results
        Folder of everything computed; the folder `logs` is beside it.
    """
    others = {dataset.id: why_other_data(dataset, card_file(results, dataset.id)) for dataset in config.datasets}
    return [_progress(config, results, one, others[one.dataset]) for one in planned_run_seeds(config, results)]


def format_status(runs: list[Progress], limit: int = 30) -> str:
    """Return the numbers of each stage, and the runs that were begun and are not finished, with what they said last."""
    stages = Counter(run.stage for run in runs)
    n_runs = len({(run.dataset, run.protocol, run.run) for run in runs})
    seeds = f" with their seeds, {len(runs)} in all" if len(runs) > n_runs else ""
    lines = [
        f"{several(n_runs, 'run')}{seeds}: {', '.join(f'{number} {stage}' for stage, number in stages.most_common())}."
    ]
    begun = [run for run in runs if run.stage not in (FINISHED, OPEN)]
    for run in begun[:limit]:
        epochs = f", epochs saved: {run.epochs}" if run.epochs else ""
        lines.append(f"  {run.dataset} {run.protocol} {run.run} seed {run.seed}: {run.stage}{epochs}")
        lines.append(f"    {run.last_words or _SILENT.get(run.stage, _KILLED)}")
    if len(begun) > limit:
        lines.append(f"  and {len(begun) - limit} more")
    return "\n".join([*lines, *_format_edited_code(runs, limit)])


def _format_edited_code(runs: list[Progress], limit: int) -> list[str]:
    """Return the lines about finished runs whose code was edited since: Snakemake does not look at it (ADR 0016)."""
    changed = [run for run in runs if run.changed]
    if not changed:
        return []
    # The file that fewest runs share is most likely the one that somebody works on.
    shared = Counter(path for run in changed for path in run.changed)
    first, *others = sorted(shared, key=lambda path: (shared[path], path))
    files = f"hydrarec/{first}" + (f" and {several(len(others), 'other file')}" if others else "")
    seeds = Counter(run.folder.parent for run in runs)
    all_changed = {
        folder for folder, number in Counter(run.folder.parent for run in changed).items() if number == seeds[folder]
    }
    folders = [run.folder.parent / "seed-*" if run.folder.parent in all_changed else run.folder for run in changed]
    wanted = [f"  {folder / 'manifest.json'}" for folder in dict.fromkeys(folders)]
    return [
        f"{len(changed)} finished with other code than is here now; edited since: {files}.",
        "Snakemake does not repeat runs for that. To repeat them, add --forcerun to its command, and behind it:",
        *wanted[:limit],
        *([f"  and {len(wanted) - limit} more"] if len(wanted) > limit else []),
    ]


def format_preparation(config: BenchmarkConfig, results: Path) -> str:
    """Say which data and environments were begun and are not there, and what was said last; empty where none."""
    lines = []
    for what, output, log in _preparations(config, results):
        if not output.is_file() and log.is_file() and (said := _last_lines(log)):
            lines += [f"  {what}", f"    {_last_words(said)}"]
    return "\n".join(["Not there, and runs cannot begin without:", *lines]) if lines else ""


def _preparations(config: BenchmarkConfig, results: Path) -> Iterator[tuple[str, Path, Path]]:
    """Return what comes before runs, the last file that it leaves, and its log."""
    logs = results.parent / "logs"
    sources = {(source.sha256, source.file) for dataset in config.datasets if (source := dataset.source)}
    for sha256, name in sorted(sources, key=lambda source: source[1]):
        raw = raw_file(results, sha256, name)
        yield f"the file {name}", raw, logs / "download" / raw.parent.name / f"{name}.log"
    for dataset in config.datasets:
        yield f"the data set {dataset.id}", card_file(results, dataset.id), logs / "prepare" / f"{dataset.id}.log"
        for protocol in config.protocols:
            split = split_folder(results, dataset.id, protocol) / "split.json"
            yield f"{dataset.id} split by {protocol}", split, logs / "split" / dataset.id / f"{protocol}.log"
    for log in sorted(logs.glob("environment/*.log")):
        yield f"the environment {log.stem}", environment_file(results, log.stem), log


def format_unmissed(config: BenchmarkConfig, results: Path, runs: list[Progress]) -> str:
    """Say how Snakemake comes to compute runs that are gone while tables over all runs are there; empty without any.

    It looks at what it was asked for, and at files of before only where one of them is newer.
    """
    gone = sum(run.stage in (OPEN, STOPPED, TRAINED) for run in runs)
    tables = comparison_folder(results, config.report)
    if not gone or is_worked_on(results) or not (tables / COLLECTED).is_file():
        return ""
    return (
        f"The tables in {tables} are older: {several(gone, 'run')} {'was' if gone == 1 else 'were'} deleted or added "
        "since. If Snakemake finds nothing to do, start it with --forcerun collect."
    )


def is_worked_on(results: Path) -> bool:
    """Return whether a Snakemake works in the folder that `results` is in, or was killed while it did."""
    return any((results.parent / ".snakemake" / "locks").glob("*"))


def _progress(config: BenchmarkConfig, results: Path, planned: RunSeed, other: str | None) -> Progress:
    """Tell how far a run with a seed is; `other` says in what the data are others than they should be, if they are."""
    one = _own_progress(config, results, planned)
    # What was computed on other data is no result, whatever its own settings are.
    return replace(one, stage=OUTDATED, said=other, changed=()) if other and one.stage != OPEN else one


def _own_progress(config: BenchmarkConfig, results: Path, planned: RunSeed) -> Progress:
    one, left, entry = Progress(**vars(planned)), planned.folder, config.run(planned.run)
    if done := _progress_of_results(config, one):
        return done
    ranked, trained = ((left / name).exists() for name in ("ranks.parquet", WEIGHTS))
    # Without weights, or with ranks of others, a log of ranking is that of an earlier training.
    of_training = ["rank", "train"] if trained and not ranked else ["train"]
    rules = [entry.baseline] if isinstance(entry, BaselineRun) else of_training
    logs = {rule: results.parent / "logs" / rule / one.place.with_suffix(".log") for rule in rules}
    # Ranking's is of earlier weights if it is older than those that are there.
    since = {"rank": (left / WEIGHTS).stat().st_mtime} if trained else {}
    written = (path for rule, path in logs.items() if path.exists() and path.stat().st_mtime >= since.get(rule, 0))
    log = next(written, None)
    killed = _slurms_words(results.parent, rules[0], one, log)
    one = replace(one, said="\n".join(filter(None, [_last_lines(log) if log else "", killed])), log=log)
    state, at_work = latest(left), process_at_work(left / STATE_FOLDER) is not None
    if trained:
        # Ranks of earlier weights are no reason: it is to be ranked.
        why = _why_trained_anew(config, one)
        if not why:
            return replace(one, stage=TRAINED)
        if not state.exists():
            return replace(one, stage=OUTDATED, said=why, log=None)
    if state.exists():
        saved = saved_state(left)
        one = replace(one, stage=AT_WORK if at_work else INTERRUPTED, epochs=len(saved.get("history", [])))
        why = why_other_training(config, one, saved)
        # What made it fail, if that is told, comes before.
        return replace(one, said=f"{one.said}\nthey are of {why}; the next start begins anew".lstrip()) if why else one
    if at_work:
        return replace(one, stage=AT_WORK)
    if log and _has_finished_since(results.parent, rules[0], one, log):
        # It was done, and whoever removed its results wants it anew.
        return replace(one, said="", log=None)
    if isinstance(entry, BaselineRun) and not one.said:
        # One that is done leaves as empty a log as one that is killed, and takes seconds.
        return replace(one, log=None)
    if log and not one.said and is_worked_on(results):
        return replace(one, stage=STARTING)
    return replace(one, stage=STOPPED if log or killed else OPEN)


def _progress_of_results(config: BenchmarkConfig, one: Progress) -> Progress | None:
    """Tell what became of a run by its results; None where there are none, or they are of earlier weights."""
    left, absent = one.folder, absent_files(one.folder)
    if not (left / "ranks.parquet").exists() or not _is_of_its_weights(left):
        return None
    if not absent:
        # As a comparison takes it, which needs no weights.
        why = why_unusable(config, one)
        return replace(
            one, stage=OUTDATED if why else FINISHED, said=why or "", changed=() if why else _edited_sources(left)
        )
    if not (left / WEIGHTS).exists() and not isinstance(config.run(one.run), BaselineRun):
        return None
    # No comparison takes it, and what Snakemake has made once it does not miss.
    said = f"{', '.join(absent)}: not there any more; delete {left} and start Snakemake with --forcerun collect"
    return replace(one, stage=INCOMPLETE, said=said)


def _is_of_its_weights(folder: Path) -> bool:
    try:
        return not ranked_with_other_weights(folder)
    except ValueError:
        # Damaged, which is told of what is ranked.
        return True


def _has_finished_since(folder: Path, rule: str, one: Progress, log: Path) -> bool:
    """Return whether the job that wrote a log was finished: then Snakemake has written down what it took."""
    took = folder / "benchmarks" / rule / one.place.with_suffix(".jsonl")
    return took.is_file() and took.stat().st_mtime >= log.stat().st_mtime


def _why_trained_anew(config: BenchmarkConfig, one: Progress) -> str | None:
    if not (one.folder / "manifest.json").is_file():
        # Nobody can tell, and no comparison takes it.
        return None
    try:
        return why_other_settings(config, one)
    except ValueError as error:
        return str(error)


def _edited_sources(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(changed_sources(folder))
    except ValueError:
        # Nobody can tell, as above.
        return ()


def _slurms_words(folder: Path, rule: str, one: Progress, log: Path | None) -> str:
    """Return why Slurm ended the last job of a run; empty if it did not, or if the run was begun again since.

    Whoever is killed for memory or time says nothing, but Slurm does, in the log that its plugin of Snakemake keeps.
    Logs of groups lie in folders of their own, and which runs were begun in them stands in what they say.
    """
    begun = log.stat().st_mtime if log is not None else 0.0
    logs, wildcards = folder / ".snakemake" / "slurm_logs", f"{one.dataset}_{one.protocol}_{one.run}_{one.seed}"
    later = [
        path
        for path in (*(logs / f"rule_{rule}" / wildcards).glob("*.log"), *logs.glob("group_*/**/*.log"))
        if path.stat().st_mtime >= begun
    ]
    named = f"logs/{rule}/{one.place.as_posix()}.log"
    for path in sorted(later, key=lambda path: path.stat().st_mtime, reverse=True):
        text = path.read_text(encoding="utf-8", errors="replace")
        if named in text or f"rule_{rule}" in path.parts:
            return _end_by_slurm(text.splitlines())
    return ""


def _end_by_slurm(lines: list[str]) -> str:
    # The first such line names the cause, such as a limit; others tell that step and job are ended.
    return next((line.strip() for line in lines if line.startswith("slurmstepd")), "")


def _last_words(said: str) -> str:
    """Return what went wrong, if a command of this package said so; else the last line."""
    lines = said.split("\n")
    # Files, values or what is allowed may be listed below it.
    return next((line for line in reversed(lines) if line.startswith(FAILURES)), lines[-1])


def _last_lines(log: Path, number: int = 5) -> str:
    lines = (line.rstrip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines())
    return "\n".join([line for line in lines if line][-number:])
