"""Tables of a comparison with known numbers, without any run behind them."""

import pandas as pd
import pytest

from hydrarec.claims.evidence import Evidence
from hydrarec.columns import LEADERBOARD, PAIRS, SCALING, TIMES
from hydrarec.comparison import Gate
from hydrarec.config import load
from hydrarec.config.hypotheses import Hypotheses
from tests.fabricate import HYDRA_UNI, SASREC

DATASETS = ("one", "two", "three")
MEANS = {SASREC: 0.10, HYDRA_UNI: 0.11, "itemknn": 0.05, "random": 0.001}


def raw_config(protocols=("loo",), efficiency=None, datasets=DATASETS):
    trained = [
        {"id": SASREC, "label": "SASRec", "model": {"kind": "sasrec"}, "attention": {"kind": "softmax"}},
        {"id": HYDRA_UNI, "label": "HydraRecUni", "model": {"kind": "bert4rec"}, "attention": {"kind": "hydra"}},
    ]
    return {
        "report": "made",
        "datasets": [
            {"id": name, "title": name.capitalize(), "reader": {"kind": "synthetic", "seed": number}}
            for number, name in enumerate(datasets)
        ],
        "protocols": list(protocols),
        "seeds": [0, 1, 2],
        "runs": [
            *({**run, "masking": {"kind": "causal"}} for run in trained),
            {"id": "itemknn", "label": "ItemKNN", "baseline": "itemknn", "deterministic": True},
            {"id": "random", "baseline": "random", "control": "random"},
        ],
        "evaluation": {"reference": SASREC, "cutoffs": [10]},
        "efficiency": efficiency,
    }


def hypotheses(*claims, **more):
    return Hypotheses.model_validate({"registered": pd.Timestamp("2026-01-02").date(), "claims": list(claims), **more})


class Made:
    """Builds the evidence; a test changes what it is about."""

    def __init__(self, results, protocols=("loo",), efficiency=None, datasets=DATASETS):
        self.config = load(raw_config(protocols, efficiency, datasets))
        self.results = results
        self.differences = {}
        """Relative difference and relative standard error by (dataset, protocol, run, other); else of the means."""
        self.means = {}
        self.gates = []
        self.times = {}
        self.scaling = {}

    def evidence(self, claims):
        scopes = [(d.id, p) for d in self.config.datasets for p in self.config.protocols]
        pairs, leaders, times = [], [], []
        for dataset, protocol in scopes:
            means = MEANS | self.means.get((dataset, protocol), {})
            names = [name for name in means if name != "random" and means[name] is not None]
            for metric in ("ndcg@10", "hr@10"):
                scope = {"dataset": dataset, "protocol": protocol, "metric": metric}
                leaders += [scope | {"run": run, "group": "all", "mean": means[run]} for run in [*names, "random"]]
                pairs += [
                    scope | {"run": one, "other": other} | self._pair(dataset, protocol, one, other, means)
                    for number, one in enumerate(names)
                    for other in names[number + 1 :]
                ]
            times += self._times(dataset, protocol)
        return Evidence(
            self.config,
            claims,
            self.results,
            frame(pairs, PAIRS),
            frame(leaders, LEADERBOARD),
            frame(times, TIMES),
            self.gates,
            {device: frame(rows, SCALING) for device, rows in self.scaling.items()},
        )

    def _pair(self, dataset, protocol, one, other, means):
        share, error = self.differences.get((dataset, protocol, one, other), (means[one] / means[other] - 1, 0.01))
        difference = share * means[other]
        # Users alone, so that the test is Student's with 50 degrees of freedom.
        variances = {"variance_users": (error * means[other]) ** 2, "ratio_variance_users": error**2}
        return {
            "difference": difference,
            "standard_error": error * means[other],
            "n_users": 51,
            "n_seeds": 3,
            "runs_df": 0.0,
            "ratio_runs_df": 0.0,
        } | variances

    def _times(self, dataset, protocol):
        rows = []
        for run, seconds in {SASREC: [10.0, 10.5, 9.8], HYDRA_UNI: [5.0, 5.1, 5.2]}.items():
            for seed, one in enumerate(self.times.get((dataset, run), seconds)):
                row = {"dataset": dataset, "protocol": protocol, "run": run, "seed": seed, "epoch_s": one}
                rows.append(row | {"infer_ms_per_user": one, "host": "node-1", "device": "cpu", "runs_per_gpu": 1})
        return rows

    def gate(self, name, run, status, dataset="one", control=False):
        self.gates.append(Gate(name, run, dataset, "loo", status, f"Something about {run}.", control))


def frame(rows, schema):
    return pd.DataFrame(rows, columns=schema.names).astype({"dataset": object} if "dataset" in schema.names else {})


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path)
