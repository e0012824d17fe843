# The whole comparison. What is compared stands in config.yaml; where it runs stands in profiles/.
#
#   snakemake --profile local                          everything, on this machine
#   snakemake --profile slurm                          everything, on a cluster
#   snakemake --profile local --configfile examples/demo.yaml
#                                                      the embedded data set, minutes on a laptop
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Not the folder of the workflow: this one may be a module of another.
CHECKOUT = Path(workflow.current_basedir)


# A --configfile replaces config.yaml as a whole. Merged, keys of the one would linger in the other. Whether one was given
# decides, and not what it says: one without data sets is to be refused. Jobs are given the same files.
if not workflow.overwrite_configfiles:

    configfile: CHECKOUT / "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/configuration.smk"
include: "workflow/rules/remarks.smk"
include: "workflow/rules/common.smk"


# The first of all, and so the one that is made when nothing is asked for.
rule all:
    input:
        f"reports/{BENCHMARK.report}/index.html",


include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/efficiency.smk"
include: "workflow/rules/environments.smk"
include: "workflow/rules/baseline.smk"


# A baseline is a file: dropping one into the folder is all it takes.
for baseline in BASELINES:

    include: f"workflow/rules/baselines/{baseline}.smk"


include: "workflow/rules/compare.smk"
include: "workflow/rules/analyses.smk"
include: "workflow/rules/report.smk"


# What this Snakemake is about to compute nobody else has locked, so jobs in this folder were left over by one that was
# killed, or are those of another comparison; two at a time need a folder each.
onstart:
    refuse_leftovers()


onerror:
    say_what_stopped()


onsuccess:
    say_where_the_report_lies()


rule prepare_all:
    # Everything that needs the network: run it on a login node when compute nodes are offline.
    input:
        all_splits(),
        all_environments(),


rule train_all:
    input:
        all_ranks(),
