# What a library of other people needs is installed apart: results/environments/<name>/ from envs/<name>.txt. On the
# controlling machine, because it takes the network. The locks are for Python 3.11.
localrules:
    environment,


rule environment:
    input:
        lock=f"{CHECKOUT}/envs/{{environment}}.txt",
    output:
        packages="results/environments/{environment}/packages.txt",
    log:
        "logs/environment/{environment}.log",
    conda:
        "../../envs/python-3.11.yaml"
    params:
        folder=subpath(output.packages, parent=True),
    shell:
        "(python3.11 -m venv --clear {params.folder} && "
        "{params.folder}/bin/python -m pip install --disable-pip-version-check --progress-bar off "
        "--requirement {input.lock:q} && "
        "{params.folder}/bin/python -m pip freeze --disable-pip-version-check > {output.packages}) > {log} 2>&1"
