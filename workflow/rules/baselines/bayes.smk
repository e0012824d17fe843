# The best possible score on the embedded data set, from the process that generated it.
use rule package_baseline as bayes with:
    log:
        "logs/bayes/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("bayes"),
