# Items that users of the history's items have met too. Options: neighbours, decay, shrinkage.
use rule package_baseline as itemknn with:
    log:
        "logs/itemknn/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("itemknn"),
