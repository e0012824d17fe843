# SASRec of RecBole, in its own environment. Options: docs/baselines/recbole.md.
rule recbole_sasrec:
    input:
        rules.prepare.output,
        rules.split.output,
        environment="results/environments/recbole/packages.txt",
        script=f"{CHECKOUT}/workflow/scripts/recbole_models.py",
        library=f"{CHECKOUT}/workflow/scripts/library.py",
    output:
        RUN_FILES,
        costs="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/costs.json",
    log:
        "logs/recbole_sasrec/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("recbole_sasrec"),
    conda:
        "../../../envs/hydrarec.yaml"
    resources:
        gpu=gpus_of_baseline,
    params:
        options=options_of,
        folder=subpath(output[0], parent=True),
        environment=subpath(input.environment, parent=True),
    shell:
        "({params.environment}/bin/python {input.script:q} sasrec "
        "--data results/data/{wildcards.dataset}/{wildcards.protocol} --options {params.options:q} "
        "--seed {wildcards.seed} --threads {threads} --output {params.folder:q} && "
        "hydrarec rank-lists --baseline recbole_sasrec --run {wildcards.run} --seed {wildcards.seed} "
        "--options {params.options:q} --data results/data/{wildcards.dataset} --protocol {wildcards.protocol} "
        "--output {params.folder:q}) 2> {log:q}"
