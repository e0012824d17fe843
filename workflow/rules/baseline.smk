# What the rules of this package's baselines have in common. Each has a file in baselines/, which says where its log goes
# and whose runs it computes.


rule package_baseline:
    input:
        rules.prepare.output,
        rules.split.output,
        candidates=CANDIDATES,
    output:
        RUN_FILES,
        SAMPLED,
    log:
        "logs/package_baseline/{dataset}/{protocol}/{run}/seed-{seed}.log",
    # None: it is here to be used by others.
    wildcard_constraints:
        run=one_of([]),
    # From the folder of the files that use this rule, by which Snakemake goes.
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        baseline=baseline_of,
        options=options_of,
        candidates=candidates_option,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec baseline {params.baseline:q} --run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} "
        "--data results/data/{wildcards.dataset} --protocol {wildcards.protocol} --threads {threads} "
        "--output {params.folder:q} {params.candidates} 2> {log:q}"
