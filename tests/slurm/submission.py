"""What it costs to hand many short runs to Slurm, without computing them: run it on an idle machine, as root.

    python -m tests.slurm.submission 100

The jobs are cancelled once all are submitted. What each would cost on its node comes on top.
"""

import argparse
import datetime
import json
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.slurm.cluster import NODES, Cluster
from tests.slurm.grid import CONFIG, Folder, ended, snakemake_environment, until

SUBMITTED = re.compile(r"has been submitted with SLURM jobid")


def measure(cluster: Cluster, place: Folder, number: int) -> dict[str, float]:
    """Submit so many rankings by popularity, one job each, and cancel them.

    Returns
    -------
    dict
        Wall seconds up to the first submission and from there to the last, and CPU seconds of the controlling Snakemake
        with all its `sbatch`.
    """
    config = CONFIG | {"seeds": list(range(number))}
    config["runs"] = [{"id": "popularity", "baseline": "popularity"}]
    config["grid"] = None
    config["evaluation"] = {"reference": "popularity", "cutoffs": [1, 10]}
    (place.path / "config.yaml").write_text(json.dumps(config))
    assert place.run("prepare_all", "--cores", 2, profile="local") == 0, place.said()[-2000:]
    # Nothing is to start, so that the machine does nothing but submit.
    cluster.run("scontrol", "update", "partition=cpu", "state=down")
    before = _cpu_s()
    begin = time.perf_counter()
    controller = place.start("train_all")
    first = last = 0.0
    while (count := len(SUBMITTED.findall(place.said()))) < number:
        assert controller.poll() is None, place.said()[-2000:]
        first = first or (time.perf_counter() - begin if count else 0.0)
        time.sleep(0.02)
    last = time.perf_counter() - begin
    controller.send_signal(signal.SIGINT)
    ended(controller)
    cpu_s = _cpu_s() - before
    cluster.run("scontrol", "update", "partition=cpu", "state=up")
    until(lambda: not cluster.run("squeue", "-h").strip())
    return {"jobs": number, "to_first_s": first, "first_to_last_s": last - first, "controller_cpu_s": cpu_s}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Bring a cluster up, measure, and take it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("jobs", type=int)
    number = parser.parse_args().jobs
    cluster = Cluster()
    was_up = cluster.conf.exists() and cluster.ready() == set(NODES)
    cluster.up()
    folder = Path(tempfile.mkdtemp())
    try:
        values = measure(cluster, Folder(folder, snakemake_environment(cluster.environment)), number)
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        sys.stdout.write(json.dumps({"date": day, **values}, indent=2) + "\n")
    finally:
        shutil.rmtree(folder)
        if not was_up:
            cluster.down()


if __name__ == "__main__":
    main()
