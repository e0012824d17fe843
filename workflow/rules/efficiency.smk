# Speed and memory, one job for each part and device. Not from the trainings, which share machines: such a job has the
# machine to itself, here because it takes all cores, on a cluster because the profile says so.
localrules:
    efficiency_summary,


rule efficiency:
    input:
        splits_of_part,
    output:
        multiext(
            f"{EFFICIENCY}/{{device}}/{{part}}/",
            "work.parquet",
            "times.parquet",
            "machine.json",
        ),
    log:
        f"logs/efficiency/{BENCHMARK.report}/{{device}}/{{part}}.log",
    conda:
        "../../envs/hydrarec.yaml"
    # Cut down to as many as there are.
    threads: 10_000
    resources:
        gpu=gpus_of_device,
    params:
        config=measured_of_part,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec efficiency {wildcards.part} --config {params.config:q} --device {wildcards.device} "
        "--output {params.folder} 2> {log}"


rule efficiency_summary:
    input:
        measurements_of_device,
    output:
        multiext(f"{EFFICIENCY}/{{device}}/", "speed.parquet", "scaling.parquet"),
    log:
        f"logs/efficiency/{BENCHMARK.report}/{{device}}/summary.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        config=summarised_of_all,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec efficiency summary --config {params.config:q} --output {params.folder} 2> {log}"
