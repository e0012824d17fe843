"""The cluster, and what the same comparison gives without one."""

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.slurm.cluster import NODES, Cluster
from tests.slurm.grid import Folder, ended, snakemake_environment
from tests.slurm.machine import UnavailableError


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster; taken down afterwards, unless it was up before."""
    cluster = Cluster()
    was_up = cluster.conf.exists() and cluster.ready() == set(NODES)
    try:
        cluster.up()
    except UnavailableError as reason:
        pytest.skip(str(reason))
    yield cluster
    if not was_up:
        cluster.down()


@pytest.fixture(scope="session")
def folder(cluster, tmp_path_factory) -> Callable[[str], Folder]:
    """Make a new folder to work in."""
    return lambda name: Folder(tmp_path_factory.mktemp(name), snakemake_environment(cluster.environment))


@pytest.fixture(scope="session")
def local(folder) -> Iterator[Callable[[], Folder]]:
    """The comparison computed by `--profile local`; it goes on in the background until it is asked for."""
    place = folder("local")
    process = place.start("--cores", 2, profile="local")

    def finished() -> Folder:
        assert ended(process) == 0, place.said()[-3000:]
        return place

    yield finished
    process.kill()
    process.wait()


@pytest.fixture
def prepared(folder, local) -> Callable[[str], Folder]:
    """Make a new folder with the data in it, as after `snakemake prepare_all` on a login node."""

    def prepare(name: str) -> Folder:
        place = folder(name)
        shutil.copytree(local().path / "results" / "data", place.path / "results" / "data")
        return place

    return prepare
