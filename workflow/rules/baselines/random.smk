# Control: knows nothing, so HR@k must lie around k divided by the number of candidates.
use rule package_baseline as random with:
    log:
        "logs/random/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("random"),
