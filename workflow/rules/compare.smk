# Ranks of all runs -> metrics, intervals, paired comparisons, verdicts on claims.
localrules:
    collect,
    contrast,
    verdicts,


rule collect:
    input:
        all_ranks(),
        all_histories(),
    output:
        multiext(
            f"results/comparison/{BENCHMARK.report}/",
            "metrics.parquet",
            "leaderboard.parquet",
            "times.parquet",
            "runs.parquet",
            "gates.json",
            "collected.json",
        ),
    log:
        f"logs/collect/{BENCHMARK.report}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        config=comparison_of,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec collect --config {params.config:q} --output {params.folder} 2> {log}"


rule contrast:
    input:
        all_ranks(),
    output:
        multiext(
            f"results/comparison/{BENCHMARK.report}/",
            "comparison.parquet",
            "pairs.parquet",
            "places.parquet",
            "contrasted.json",
        ),
    log:
        f"logs/contrast/{BENCHMARK.report}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        config=comparison_of,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec contrast --config {params.config:q} --output {params.folder} 2> {log}"


rule verdicts:
    input:
        multiext(
            f"results/comparison/{BENCHMARK.report}/",
            "leaderboard.parquet",
            "times.parquet",
            "runs.parquet",
            "gates.json",
            "collected.json",
            "pairs.parquet",
            "contrasted.json",
        ),
        all_histories(),
        all_efficiency(),
        all_cards(),
        hypotheses=hypotheses_file(),
        published=published_file(),
    output:
        multiext(
            f"results/comparison/{BENCHMARK.report}/",
            "verdicts.parquet",
            "claims.parquet",
            "decided.json",
        ),
    log:
        f"logs/verdicts/{BENCHMARK.report}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        config=comparison_of,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec verdicts --config {params.config:q} --hypotheses {input.hypotheses:q} --comparison {params.folder} "
        "--output {params.folder} 2> {log}"
