# The configuration: read, and refused where it is wrong, before anything is planned.
import hashlib
import json
import os
from pathlib import Path

from snakemake.utils import update_config

from hydrarec.config import ConfigError, load
from hydrarec.config.claims_file import claims_file
from hydrarec.config.hypotheses import load_hypotheses

if workflow.modifier.path_modifier.replace_prefix("results") != "results":
    raise WorkflowError(
        "as a module this workflow takes no `prefix`, because its commands name folders themselves; use `workdir:` or --directory"
    )

BASELINES = sorted(
    path.stem for path in (CHECKOUT / "workflow/rules/baselines").glob("*.smk")
)


def locate_in_files():
    """Return what says where a value stands in the files of the configuration; none where they are not all there is."""
    # Who plans has checked what it hands to jobs.
    if not workflow.is_main_process:
        return None
    from hydrarec.config.yaml_file import locate_among, read_yaml

    # Snakemake has read them too, but keeps no lines, and of keys that stand twice the last.
    paths = [Path(path) for path in workflow.configfiles]
    files = [read_yaml(path) for path in paths if path.suffix != ".json"]
    together = {}
    for file in files:
        update_config(together, file.values)
    # Values of --config, of a template or of JSON stand in no line.
    return partial(locate_among, files) if together == config else None


LOCATE = locate_in_files()


def refuse_edited_files():
    """Stop a job whose configuration is not that of who planned it: it reads the files anew, maybe days later."""
    variable = "HYDRAREC_CONFIGURATION"
    # What was read and not the files: other comments change nothing, and values of --config are handed to jobs too.
    digest = hashlib.sha256(repr(config).encode()).hexdigest()
    planned = os.environ.get(variable, "").split()
    if workflow.is_main_process:
        # Jobs inherit it; one that starts a Snakemake itself is its main process, and no longer bound to it. A workflow
        # of which this one is a module may have it twice, with two configurations.
        os.environ[variable] = " ".join([*planned, digest])
    elif planned and digest not in planned:
        files = " or ".join(map(str, workflow.configfiles))
        raise WorkflowError(
            f"{files} was edited since Snakemake started; put it back, or stop Snakemake and start it again"
        )


refuse_edited_files()
try:
    BENCHMARK = load(config, BASELINES, LOCATE)
except ConfigError as error:
    # A traceback through Snakemake would hide the one line that matters.
    raise WorkflowError(str(error)) from None

# Steps over all runs are handed the configuration as one argument, and Linux takes no longer one. Else everything would be
# trained before that is noticed.
LONGEST_ARGUMENT = 2**17 - 1
if (n_bytes := len(json.dumps(config).encode())) >= LONGEST_ARGUMENT:
    raise WorkflowError(
        f"the configuration has {n_bytes:,} bytes as JSON; allowed: less than {LONGEST_ARGUMENT:,}. Write runs as a grid, or "
        "make several comparisons; they share results"
    )


HYPOTHESES_FILE = claims_file(BENCHMARK, CHECKOUT)
PUBLISHED_FILE = None
if HYPOTHESES_FILE:
    try:
        # Before any job runs, as the configuration itself.
        PUBLISHED_FILE = load_hypotheses(HYPOTHESES_FILE).published_file(
            HYPOTHESES_FILE
        )
    except ConfigError as error:
        raise WorkflowError(str(error)) from None
