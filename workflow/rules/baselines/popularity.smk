# The floor: most frequent items first, the same for everybody.
use rule package_baseline as popularity with:
    log:
        "logs/popularity/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("popularity"),
