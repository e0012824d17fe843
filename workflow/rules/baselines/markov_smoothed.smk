# What followed the items of the history, right after or soon. Options: window, decay, smoothing.
rule markov_smoothed:
    input:
        rules.prepare.output,
        rules.split.output,
        candidates=CANDIDATES,
    output:
        RUN_FILES,
        SAMPLED,
    log:
        "logs/markov_smoothed/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("markov_smoothed"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        candidates=candidates_option,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec baseline markov_smoothed --run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} "
        "--data results/data/{wildcards.dataset} --protocol {wildcards.protocol} --threads {threads} "
        "--output {params.folder:q} {params.candidates} 2> {log:q}"
