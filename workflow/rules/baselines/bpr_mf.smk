# Matrix factorisation trained on pairs. Options: factors, learning_rate, regularization, iterations.
rule bpr_mf:
    input:
        rules.prepare.output,
        rules.split.output,
        candidates=CANDIDATES,
    output:
        RUN_FILES,
        SAMPLED,
    log:
        "logs/bpr_mf/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("bpr_mf"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        candidates=candidates_option,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec baseline bpr_mf --run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} "
        "--data results/data/{wildcards.dataset} --protocol {wildcards.protocol} --threads {threads} "
        "--output {params.folder:q} {params.candidates} 2> {log:q}"
