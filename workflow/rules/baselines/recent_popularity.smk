# What was met most of late. Options: by, last_items, half_life_days.
use rule package_baseline as recent_popularity with:
    log:
        "logs/recent_popularity/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("recent_popularity"),
