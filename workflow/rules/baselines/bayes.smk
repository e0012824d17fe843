# The best possible score on the embedded data set, from the process that generated it.
rule bayes:
    input:
        rules.prepare.output,
        rules.split.output,
        candidates=CANDIDATES,
    output:
        RUN_FILES,
        SAMPLED,
    log:
        "logs/bayes/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("bayes"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        candidates=candidates_option,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec baseline bayes --run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} "
        "--data results/data/{wildcards.dataset} --protocol {wildcards.protocol} --threads {threads} "
        "--output {params.folder:q} {params.candidates} 2> {log:q}"
