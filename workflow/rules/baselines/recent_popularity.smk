# What was met most of late. Options: by, last_items, half_life_days.
rule recent_popularity:
    input:
        rules.prepare.output,
        rules.split.output,
        candidates=CANDIDATES,
    output:
        RUN_FILES,
        SAMPLED,
    log:
        "logs/recent_popularity/{dataset}/{protocol}/{run}/seed-{seed}.log",
    wildcard_constraints:
        run=runs_of("recent_popularity"),
    conda:
        "../../../envs/hydrarec.yaml"
    params:
        options=options_of,
        candidates=candidates_option,
        folder=subpath(output[0], parent=True),
    shell:
        "hydrarec baseline recent_popularity --run {wildcards.run} --seed {wildcards.seed} --options {params.options:q} "
        "--data results/data/{wildcards.dataset} --protocol {wildcards.protocol} --threads {threads} "
        "--output {params.folder:q} {params.candidates} 2> {log:q}"
