# Beside the comparison: drawn candidates, other choices of measuring, and what lists are like. No claim rests on these.
localrules:
    candidates,


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
