# The test targets are ranked once, by a rule of their own.


rule rank:
    input:
        model="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/model.safetensors",
        splits=multiext(
            "results/data/{dataset}/{protocol}/",
            "train.parquet",
            "validation.parquet",
            "test.parquet",
        ),
        catalogue="results/data/{dataset}/items.parquet",
        candidates=CANDIDATES,
    output:
        ranks="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/ranks.parquet",
        recommendations="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/recommendations.parquet",
        inference="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/inference.json",
        sampled=SAMPLED,
    log:
        "logs/rank/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=trained_runs(),
    conda:
        "../../envs/hydrarec.yaml"
    resources:
        gpu=gpus_of,
    params:
        candidates=candidates_option,
        folder=subpath(output.ranks, parent=True),
    shell:
        "hydrarec rank --model {input.model:q} --data results/data/{wildcards.dataset} "
        "--protocol {wildcards.protocol} --threads {threads} --output {params.folder:q} "
        "{params.candidates} 2> {log:q}"
