# Control: knows nothing, so HR@k must lie around k divided by the number of candidates.
rule random:
    input:
        multiext(
            "results/data/{dataset}/{protocol}/",
            "train.parquet",
            "validation.parquet",
            "test.parquet",
        ),
        "results/data/{dataset}/items.parquet",
    output:
        ranks="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/ranks.parquet",
        others=multiext(
            "results/runs/{dataset}/{protocol}/{run}/seed-{seed}/",
            "recommendations.parquet",
            "timing.json",
            "inference.json",
            "manifest.json",
        ),
    log:
        "logs/random/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("random"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        folder=subpath(output.ranks, parent=True),
    shell:
        "hydrarec baseline random --data results/data/{wildcards.dataset} --protocol {wildcards.protocol} "
        "--run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} --threads {threads} "
        "--output {params.folder:q} 2> {log:q}"
