# What followed the items of the history, right after or soon. Options: window, decay, smoothing.
rule markov_smoothed:
    input:
        rules.prepare.output,
        rules.split.output,
    output:
        RUN_FILES,
    log:
        "logs/markov_smoothed/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("markov_smoothed"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec baseline markov_smoothed --run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} "
        "--data results/data/{wildcards.dataset} --protocol {wildcards.protocol} --threads {threads} "
        "--output {params.folder:q} 2> {log:q}"
