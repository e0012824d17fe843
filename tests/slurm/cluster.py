"""A genuine Slurm on this machine: several virtual nodes with fake GPUs, brought up for tests and taken down again.

    python -m tests.slurm.cluster up        Debian's packages, daemons, nodes; nothing to do if it is up
    python -m tests.slurm.cluster down      every process and file of it

Nodes are `slurmd` processes with ports and folders of their own, GPUs are clones of /dev/null: Slurm hands them out and
sets CUDA_VISIBLE_DEVICES as with real ones. There is no accounting database; the controller remembers all jobs instead,
and a prolog notes which GPUs each of them got. Everything lies in one temporary folder, but for a link at
/etc/slurm/slurm.conf: the plugin's job steps drop SLURM_CONF, and then that is where Slurm looks.
"""

import argparse
import dataclasses
import hashlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.slurm.machine import (
    UnavailableError,
    check_machine,
    end_processes,
    free_port,
    free_ports,
    install,
    links,
    target,
)

GPU_NODES, GPUS, CPU_NODES = 3, 2, 2
NODES = [*(f"gpu{n + 1}" for n in range(GPU_NODES)), *(f"cpu{n + 1}" for n in range(CPU_NODES))]
SITE = Path("/etc/slurm/slurm.conf")
FIELDS = ("JobID", "Comment", "Partition", "State", "NodeList", "tres-per-job", "StartTime", "EndTime", "WorkDir")
"""What squeue is asked for."""
WIDTH = 240
"""Columns of each."""

CONF = """\
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
MpiDefault=none
# Process groups and not parents: a process whose shell died first has a new parent, and would outlive its job.
ProctrackType=proctrack/pgid
TaskPlugin=task/none
# Without cgroups it is the accounting, once a second, that ends a step for its memory.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=2
GresTypes=gpu
Prolog={folder}/prolog
TaskProlog={folder}/task_prolog
# Nodes have more cores and memory than this machine: the tests are of who gets what, not of real memory.
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=30
# A lost node is noticed within a minute, not five.
SlurmdTimeout=20
MessageTimeout=30
KillWait=10
Waittime=0
# Jobs are remembered for a day: the tests ask for all of them at the end.
MinJobAge=86400
JobRequeue=1
# A job larger than any node is refused, and does not wait for ever.
EnforcePartLimits=ALL
AccountingStorageType=accounting_storage/none
NodeName=gpu[1-{gpu_nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last_gpu}] CPUs=16 RealMemory=200000 \
Gres=gpu:a100:{gpus} State=UNKNOWN
NodeName=cpu[1-{cpu_nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first_cpu}-{last}] CPUs=16 RealMemory=200000 \
State=UNKNOWN
PartitionName=cpu Nodes=cpu[1-{cpu_nodes}] Default=YES MaxTime=UNLIMITED State=UP
PartitionName=gpu Nodes=gpu[1-{gpu_nodes}] MaxTime=UNLIMITED State=UP
"""


@dataclasses.dataclass(frozen=True)
class Job:
    """A Slurm job as the controller remembers it."""

    id: int
    comment: str
    partition: str
    state: str
    node: str
    gpus: frozenset[str]
    asked: str
    start: float
    end: float


class Cluster:
    """One cluster and the folder it lives in."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.gettempdir()) / "hydrarec-slurm"
        self.conf = self.folder / "slurm.conf"
        self.name = f"hydrarec{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"
        self.environment = {**os.environ, "SLURM_CONF": str(self.conf)}

    def up(self) -> None:
        """Bring every part up that is not up.

        Raises
        ------
        UnavailableError
            If this machine cannot have it.
        RuntimeError
            If a daemon does not start; the message has the end of its log.
        """
        check_machine()
        install()
        if SITE.is_symlink() and not SITE.exists():
            SITE.unlink()
        if SITE.exists() and SITE.resolve() != self.conf.resolve():
            raise UnavailableError(f"{SITE} is of another cluster ({SITE.resolve()})")
        if not self.conf.exists():
            self._configure()
        SITE.parent.mkdir(exist_ok=True)
        if not SITE.is_symlink():
            SITE.symlink_to(self.conf)
        self._start("munged", self._munged())
        self._start("slurmctld", ["/usr/sbin/slurmctld", "-f", self.conf])
        self._wait("slurmctld", lambda: "is UP" in self.run("scontrol", "ping", check=False))
        for node in NODES:
            self._start(f"slurmd-{node}", ["/usr/sbin/slurmd", "-f", self.conf, "-N", node])
        self._wait("slurmctld", lambda: self.ready() == set(NODES))

    def down(self) -> None:
        """End every process and remove every file of this cluster, whatever is left of it."""
        if self._alive("slurmctld"):
            self.run("scancel", "--user=root", check=False)
        pids = set(self.daemons().values()) - {0}
        end_processes(pids, signal.SIGTERM, 20)
        end_processes({*pids, *self.processes()}, signal.SIGKILL, 5)
        if SITE.is_symlink() and SITE.readlink() == self.conf:
            SITE.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def daemons(self) -> dict[str, int]:
        """Return the process of every daemon by its name, 0 for what is not running."""
        return {name: self._alive(name) for name in self._pid_files()}

    def run(self, *command: object, check: bool = True) -> str:
        """Run one of Slurm's commands and return what it printed."""
        words = list(map(str, command))
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def ready(self) -> set[str]:
        """Return the nodes that take jobs."""
        lines = (line.split() for line in self.run("sinfo", "-h", "-N", "-o", "%N %T", check=False).splitlines())
        return {node for node, state in lines if state in ("idle", "mixed", "allocated", "completing")}

    def jobs(self, folder: Path, rule: str = "") -> list[Job]:
        """Return the jobs of a Snakemake working in a folder since the cluster came up, oldest first."""
        gpus = dict(line.split(" ") for line in (self.folder / "gpus").read_text().splitlines())
        text = self.run("squeue", "-h", "-t", "all", "-O", ",".join(f"{field}:{WIDTH}" for field in FIELDS))
        jobs = []
        for line in text.splitlines():
            parts = (line[begin : begin + WIDTH].strip() for begin in range(0, WIDTH * len(FIELDS), WIDTH))
            job, comment, partition, state, node, asked, *times, works_in = parts
            if Path(works_in) != folder or not comment.startswith(f"rule_{rule}"):
                continue
            held = frozenset(gpus.get(job, "").split(",")) - {""}
            start, end = (time.mktime(time.strptime(t, "%Y-%m-%dT%H:%M:%S")) if "T" in t else 0.0 for t in times)
            jobs.append(Job(int(job), comment, partition, state, node, held, asked, start, end))
        return sorted(jobs, key=lambda job: job.id)

    def crash(self, node: str) -> None:
        """Lose a node as by a power cut: its daemon and all processes of its jobs at once."""
        jobs = self.run("squeue", "-h", "-w", node, "-t", "running", "-o", "%A").split()
        daemon = self._alive(f"slurmd-{node}")
        end_processes({daemon, *self.processes(set(jobs))} - {0}, signal.SIGKILL, 5)

    def processes(self, jobs: set[str] | None = None) -> set[int]:
        """Return the processes of some jobs of this cluster, or of all: job steps and what they started."""
        found = set()
        for entry in Path("/proc").iterdir():
            try:
                environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                step = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            known = dict(line.split("=", 1) for line in environment if "=" in line)
            if step.startswith("slurmstepd: ["):
                ours = any(target(link).startswith(f"{self.folder}/") for link in links(entry / "fd"))
                job = step.partition("[")[2].partition(".")[0]
            else:
                ours = known.get("SLURM_CLUSTER_NAME") == self.name
                job = known.get("SLURM_JOB_ID", "")
            if ours and job and (jobs is None or job in jobs):
                found.add(int(entry.name))
        return found

    def signal(self, job: Job, number: signal.Signals) -> bool:
        """Send a signal to the training of a job and to nothing else of it; return whether there is one yet."""
        found = False
        for pid in self.processes({str(job.id)}):
            try:
                if b"\0train\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, number)
                    found = True
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def _configure(self) -> None:
        # The configuration is written last, so whatever is there is half of one.
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("", "log", "run", "dev", "spool", "state", "munge"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            (self.folder / name).chmod(0o755)
        shutil.chown(self.folder / "munge", "munge", "munge")
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        shutil.chown(key, "munge", "munge")
        for number in range(GPUS):
            # Without a device file Slurm counts no GPU; a plain file gets no CUDA_VISIBLE_DEVICES.
            try:
                os.mknod(self.folder / "dev" / f"gpu{number}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            except PermissionError as error:
                raise UnavailableError(f"this machine lets nobody make device files: {error}") from error
        devices = f"{self.folder}/dev/gpu[0-{GPUS - 1}]"
        (self.folder / "gres.conf").write_text(f"NodeName=gpu[1-{GPU_NODES}] Name=gpu Type=a100 File={devices}\n")
        prolog = self.folder / "prolog"
        prolog.write_text(f'#!/bin/sh\necho "$SLURM_JOB_ID $SLURM_JOB_GPUS" >> {self.folder}/gpus\n')
        prolog.chmod(0o755)
        # With a GPU that nothing can compute on a training would refuse to start.
        task_prolog = self.folder / "task_prolog"
        task_prolog.write_text("#!/bin/sh\necho export CUDA_VISIBLE_DEVICES=-1\n")
        task_prolog.chmod(0o755)
        (self.folder / "gpus").touch()
        port, first = free_port(), free_ports(len(NODES))
        sizes = {"gpu_nodes": GPU_NODES, "cpu_nodes": CPU_NODES, "gpus": GPUS, "first": first}
        ports = {"last_gpu": first + GPU_NODES - 1, "first_cpu": first + GPU_NODES, "last": first + len(NODES) - 1}
        values = {"name": self.name, "host": socket.gethostname().split(".")[0], "port": port, "folder": self.folder}
        self.conf.write_text(CONF.format(**values, **sizes, **ports))

    def _munged(self) -> list[object]:
        folder = self.folder / "munge"
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        return ["runuser", "-u", "munge", "--", "/usr/sbin/munged", *options]

    def _pid_files(self) -> dict[str, Path]:
        return {
            "munged": self.folder / "munge/pid",
            **{name: self.folder / f"run/{name}.pid" for name in ("slurmctld", *(f"slurmd-{n}" for n in NODES))},
        }

    def _alive(self, name: str) -> int:
        """Return the process of a daemon, 0 if it is not running."""
        try:
            pid = int(self._pid_files()[name].read_text())
            # The number may be another program's by now. Debian's daemons are called slurmctld-wlm and slurmd-wlm.
            return pid if target(Path(f"/proc/{pid}/exe")).startswith(f"/usr/sbin/{name.partition('-')[0]}") else 0
        except (OSError, ValueError):
            return 0

    def _start(self, name: str, command: list[object]) -> None:
        if self._alive(name):
            return
        words = list(map(str, command))
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}\n{self._log(name)}"
            )
        self._wait(name, lambda: bool(self._alive(name)))

    def _wait(self, name: str, until: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise RuntimeError(f"{name} is not ready after {seconds:.0f} s\n{self._log(name)}")
            time.sleep(0.2)

    def _log(self, name: str) -> str:
        path = self.folder / ("munge/log" if name == "munged" else f"log/{name}.log")
        return "\n".join(path.read_text().splitlines()[-15:]) if path.exists() else f"{path} does not exist"


def main() -> None:
    """Bring the cluster up or down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    cluster = Cluster(arguments.folder)
    if arguments.action == "down":
        cluster.down()
        return
    try:
        cluster.up()
    except (UnavailableError, RuntimeError) as error:
        sys.exit(f"no cluster: {error}")
    sys.stdout.write(f"export SLURM_CONF={cluster.conf}\n")


if __name__ == "__main__":
    main()
