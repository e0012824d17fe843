"""The cluster itself: up twice is up once, what was lost comes back, and what cannot be is refused with the reason."""

import shutil
import signal

import pytest

from tests.slurm import machine
from tests.slurm.cluster import NODES, Cluster


@pytest.mark.slurm
def test_a_cluster_that_is_up_stays_and_gets_back_what_it_lost(cluster):
    before = cluster.daemons()
    cluster.up()
    assert cluster.daemons() == before
    machine.end_processes({before["slurmctld"], before["slurmd-cpu1"]}, signal.SIGKILL, 5)
    cluster.up()
    after = cluster.daemons()
    assert {name for name in before if before[name] != after[name]} == {"slurmctld", "slurmd-cpu1"}
    assert cluster.ready() == set(NODES)


@pytest.mark.slurm
def test_it_refuses_to_stand_beside_another(cluster, tmp_path):
    with pytest.raises(machine.UnavailableError, match="is of another cluster"):
        Cluster(tmp_path / "second").up()


def test_without_root_or_packages_there_is_a_reason(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(machine.UnavailableError, match="needs root"):
        machine.check_machine()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(machine.UnavailableError, match="neither Slurm nor Debian's apt-get"):
        machine.check_machine()
