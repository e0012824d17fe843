# What followed the items of the history, right after or soon. Options: window, decay, smoothing.
use rule package_baseline as markov_smoothed with:
    log:
        "logs/markov_smoothed/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("markov_smoothed"),
