# A linear autoencoder over items, in closed form. Options: l2, max_memory_gib.
use rule package_baseline as ease with:
    log:
        "logs/ease/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("ease"),
