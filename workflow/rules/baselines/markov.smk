# What followed the last item in training.
use rule package_baseline as markov with:
    log:
        "logs/markov/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("markov"),
