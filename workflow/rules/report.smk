# The page people read.
localrules:
    report,


rule report:
    input:
        multiext(
            f"results/comparison/{BENCHMARK.report}/",
            "metrics.parquet",
            "leaderboard.parquet",
            "times.parquet",
            "runs.parquet",
            "comparison.parquet",
            "pairs.parquet",
            "places.parquet",
            "gates.json",
            "collected.json",
            "contrasted.json",
            "sensitivity.parquet",
            "agreement.parquet",
            "orders.parquet",
            "beyond.parquet",
            "analysed.json",
        ),
        all_verdicts(),
        all_histories(),
        all_efficiency(),
    output:
        page=report(
            f"reports/{BENCHMARK.report}/index.html",
            caption="../report/page.rst",
            category="Report",
            labels={"item": "the whole comparison on one page"},
        ),
        figures=report(
            directory(f"reports/{BENCHMARK.report}/figures"),
            patterns=["{chapter}/{item}.svg"],
            caption="../report/figure.rst",
            category="{chapter}",
            subcategory="Figures",
            labels={"item": "{item}", "file": "SVG"},
        ),
        tables=report(
            directory(f"reports/{BENCHMARK.report}/tables"),
            patterns=["{chapter}/{item}.csv"],
            caption="../report/table.rst",
            category="{chapter}",
            subcategory="Tables",
            labels={"item": "{item}", "file": "CSV"},
        ),
        data=directory(f"reports/{BENCHMARK.report}/data"),
        numbers=report(
            f"reports/{BENCHMARK.report}/report.json",
            caption="../report/numbers.rst",
            category="Report",
            labels={"item": "all numbers, for programs"},
        ),
        references=f"reports/{BENCHMARK.report}/references.bib",
    log:
        f"logs/report/{BENCHMARK.report}.log",
    conda:
        "../../envs/hydrarec.yaml"
    params:
        config=comparison_of,
        comparison=subpath(input[0], parent=True),
        folder=subpath(output.page, parent=True),
    shell:
        "hydrarec report --config {params.config:q} --comparison {params.comparison} --output {params.folder} 2> {log}"
