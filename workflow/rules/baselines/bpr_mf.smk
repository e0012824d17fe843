# Matrix factorisation trained on pairs. Options: factors, learning_rate, regularization, iterations.
use rule package_baseline as bpr_mf with:
    log:
        "logs/bpr_mf/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("bpr_mf"),
