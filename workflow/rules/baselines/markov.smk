# What followed the last item in training.
rule markov:
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
        "logs/markov/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("markov"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        folder=subpath(output.ranks, parent=True),
    shell:
        "hydrarec baseline markov --data results/data/{wildcards.dataset} --protocol {wildcards.protocol} "
        "--run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} --threads {threads} "
        "--output {params.folder:q} 2> {log:q}"
