# One job per run and seed, with one GPU. The test targets are not among the inputs.


rule train:
    input:
        train="results/data/{dataset}/{protocol}/train.parquet",
        validation="results/data/{dataset}/{protocol}/validation.parquet",
        catalogue="results/data/{dataset}/items.parquet",
    output:
        model="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/model.safetensors",
        history="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/history.parquet",
        timing="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/timing.json",
        manifest="results/runs/{dataset}/{protocol}/{run}/seed-{seed}/manifest.json",
    log:
        "logs/train/{dataset}/{protocol}/{run}/seed-{seed}.log",
    benchmark:
        "benchmarks/train/{dataset}/{protocol}/{run}/seed-{seed}.jsonl"
    wildcard_constraints:
        run=trained_runs(),
    conda:
        "../../envs/hydrarec.yaml"
    resources:
        gpu=gpus_of,
        # A profile that lets trainings share a GPU says how many, so that their times are not taken for times.
        runs_per_gpu=1,
    params:
        settings=settings_of,
        folder=subpath(output.model, parent=True),
    shell:
        "hydrarec train --settings {params.settings:q} --data results/data/{wildcards.dataset} "
        "--protocol {wildcards.protocol} --seed {wildcards.seed} --threads {threads} "
        "--runs-per-gpu {resources.runs_per_gpu} --output {params.folder:q} 2> {log:q}"
