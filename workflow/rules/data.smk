# Raw file -> Parquet -> held-out targets. On the controlling machine: compute nodes are often offline.
localrules:
    download,


rule download:
    output:
        "results/raw/{source}/{file}",
    log:
        "logs/download/{source}/{file}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        dataset=dataset_from,
        mirror=mirror_option,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec download --dataset {params.dataset:q} {params.mirror} --output {params.folder} 2> {log}"


rule prepare:
    input:
        raw=raw_file_of,
    output:
        interactions="results/data/{dataset}/interactions.parquet",
        catalogue="results/data/{dataset}/items.parquet",
        users="results/data/{dataset}/users.parquet",
        card=report(
            "results/data/{dataset}/card.json",
            caption="../report/card.rst",
            category="Data",
            labels={"dataset": "{dataset}", "item": "data card"},
        ),
    log:
        "logs/prepare/{dataset}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        content=content_of,
        dataset=dataset_of,
        raw=raw_option,
    shell:
        "hydrarec prepare --dataset {params.dataset:q} {params.raw} --output results/data/{wildcards.dataset} 2> {log}"


rule split:
    input:
        "results/data/{dataset}/interactions.parquet",
    output:
        multiext(
            "results/data/{dataset}/{protocol}/",
            "train.parquet",
            "validation.parquet",
            "test.parquet",
            "split.json",
        ),
    log:
        "logs/split/{dataset}/{protocol}.log",
    conda:
        "../../envs/hydrarec.yaml"
    shell:
        "hydrarec split --data results/data/{wildcards.dataset} --protocol {wildcards.protocol} "
        "--output results/data/{wildcards.dataset}/{wildcards.protocol} 2> {log}"
