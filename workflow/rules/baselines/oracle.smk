# Control: knows the targets, so every metric on warm targets must be 1.
use rule package_baseline as oracle with:
    log:
        "logs/oracle/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("oracle"),
