"""Profiles for schedulers that we do not have: parsed and planned, each training asks for a GPU in their words.

Likewise what the guide for Slurm says to write into its profile.
"""

import importlib.util
import re
import textwrap

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflow.test_planning import jobs, plan

GUIDE = ROOT / "docs/how-to/run-on-slurm.md"
SLURM = ROOT / "profiles/slurm/config.yaml"
LIBRARIES = ("rectools_sasrec", "rectools_bert4rec", "recbole_sasrec")
ON_GPU = ("train", "rank", *LIBRARIES, "efficiency")


@pytest.mark.parametrize(
    ("profile", "words", "gpu"),
    [
        ("lsf", "lsf_extra=-gpu num=1", "-gpu num=1"),
        ("htcondor", "request_gpus=1", "request_gpus=1"),
        ("cluster-generic", "queue=gpu", "queue=gpu"),
    ],
)
def test_other_schedulers_are_planned_for(profile, words, gpu, tmp_path):
    plugin = f"snakemake_executor_plugin_{profile.replace('-', '_')}"
    if importlib.util.find_spec(plugin) is None:
        pytest.skip(f"{plugin} is not installed")
    config = on_gpus(tmp_path, "rectools_sasrec")
    code, text = plan("--profile", ROOT / "profiles" / profile, "--configfile", config, directory=tmp_path)
    assert code == 0, text[-3000:]
    trainings, libraries = jobs(text, "train"), jobs(text, "rectools_sasrec")
    assert len(trainings) == 8 * 2
    assert len(libraries) == 2
    assert all(words in resources(block) for block in [*trainings, *libraries, *jobs(text, "rank")])
    for block in jobs(text, "popularity"):
        assert words not in block
    for block in jobs(text, "efficiency"):
        assert ("device=cuda" in block) == (gpu in resources(block))


def resources(block):
    return re.search(r"resources: (.*)", block).group(1)


def on_gpus(folder, *libraries):
    """Write the demo as a comparison on GPUs, with baselines of libraries, and return its file."""
    raw = yaml.safe_load((ROOT / "examples/demo.yaml").read_text())
    raw["training"]["device"] = "auto"
    raw["efficiency"]["devices"] = ["cpu", "cuda"]
    raw["runs"] += [{"id": library.replace("_", "-"), "baseline": library, "options": {}} for library in libraries]
    path = folder / "gpu.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def snippets():
    """Return what the guide says to write into a profile, in its order."""
    return [textwrap.dedent(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)]


def commented():
    """Return the keys of the shipped profile that are there to be uncommented."""
    return "\n".join(re.findall(r"^# ((?:groups|group-components): .*)$", SLURM.read_text(), re.MULTILINE))


def test_what_the_guide_says_to_write_is_yaml_of_keys_that_snakemake_has():
    assert len(snippets()) == 6
    assert set(yaml.safe_load(commented())) == {"groups", "group-components"}
    for text in [*snippets(), commented()]:
        said = yaml.safe_load(text)
        assert set(said) <= {"default-resources", "set-resources", "set-threads", "groups", "group-components"}
        assert set(said.get("set-resources", {})) <= set(ON_GPU)
        for key in ("groups", "group-components", "default-resources"):
            assert all(isinstance(entry, str) and "=" in entry for entry in said.get(key, []))


@pytest.mark.parametrize(
    ("named", "words", "of_cpus"),
    [
        ("slurm_account=project123", "slurm_partition=a100", "slurm_partition=normal"),
        ("gpu_model: a100", "gpu_model=a100", "gpu_model=,"),
        ("gres: \"'gpu:a100:1'\"}  #", "gres=gpu:a100:1", "gres=,"),
    ],
)
def test_partitions_and_types_of_gpus_as_the_guide_names_them_reach_every_job_on_a_gpu(named, words, of_cpus, tmp_path):
    (text,) = [text for text in snippets() if named in text]
    profile = yaml.safe_load(SLURM.read_text())
    for rule, resources_of_rule in yaml.safe_load(text)["set-resources"].items():
        profile["set-resources"][rule].update(resources_of_rule)
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile/config.yaml").write_text(yaml.safe_dump(profile))
    config = on_gpus(tmp_path, *LIBRARIES)
    code, text = plan("--profile", tmp_path / "profile", "--configfile", config, directory=tmp_path)
    assert code == 0, text[-3000:]
    for rule in ON_GPU:
        assert jobs(text, rule)
        for block in jobs(text, rule):
            assert (of_cpus if "device=cpu" in block else words) in resources(block)
    # And no others ask for one.
    assert sum("gpu" in resources(block) for block in re.split(r"\n\[", text) if "resources:" in block) == sum(
        len(jobs(text, rule)) for rule in ON_GPU
    )


CLUSTERS = sorted(path.parent.name for path in ROOT.glob("profiles/*/config.yaml") if path.parent.name != "local")
MEMORY = {"htcondor": "request_memory"}
"""What a scheduler calls `mem_mb`."""


def limits(profile):
    """Return memory and time of every rule and of all others (`*`), as the profile has them."""
    settings = yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())
    rules = {"*": dict(entry.split("=", 1) for entry in settings["default-resources"]), **settings["set-resources"]}
    names = {"memory": MEMORY.get(profile, "mem_mb"), "runtime": "runtime"}
    return {rule: {name: has[key] for name, key in names.items() if key in has} for rule, has in rules.items()}


@pytest.mark.parametrize("profile", CLUSTERS)
def test_profiles_ask_for_the_same_and_for_more_with_every_attempt(profile):
    found, slurm = limits(profile), limits("slurm")
    times = [limit.pop("runtime") for limit in found.values() if "runtime" in limit]
    # HTCondor ends no job for its time.
    assert bool(times) == (profile != "htcondor")
    assert times in ([], [limit["runtime"] for limit in slurm.values() if "runtime" in limit])
    assert found == {rule: {"memory": limit["memory"]} for rule, limit in slurm.items()}
    for asked in [*times, *(limit["memory"] for limit in found.values())]:
        assert re.fullmatch(r"\d+ \* attempt", asked)
