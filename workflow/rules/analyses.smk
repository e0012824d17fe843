# Beside the comparison: sampled candidates, other choices of measuring, and what lists are like. No claim rests on
# these.
localrules:
    candidates,
    analyse,


rule candidates:
    input:
        rules.split.output,
        catalogue="results/data/{dataset}/items.parquet",
    output:
        "results/data/{dataset}/{protocol}/candidates-{kind}.parquet",
    log:
        "logs/candidates/{dataset}/{protocol}/{kind}.log",
    conda:
        "../../envs/hydrarec.yaml"
    shell:
        "hydrarec candidates {wildcards.kind} --data results/data/{wildcards.dataset} "
        "--protocol {wildcards.protocol} --output {output} 2> {log}"


rule analyse:
    input:
        all_ranks(),
        all_sampled(),
    output:
        multiext(
            f"results/comparison/{BENCHMARK.report}/",
            "sensitivity.parquet",
            "agreement.parquet",
            "orders.parquet",
            "beyond.parquet",
            "analysed.json",
        ),
    log:
        f"logs/analyse/{BENCHMARK.report}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        config=comparison_of,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec analyse --config {params.config:q} --output {params.folder} 2> {log}"
