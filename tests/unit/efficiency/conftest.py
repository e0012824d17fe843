"""A comparison whose measurements take a second."""

from typing import Any

import pytest
import torch

from hydrarec.config import BenchmarkConfig, load


def comparison(operator: dict[str, Any] | None = None, **efficiency: Any) -> BenchmarkConfig:
    """Return a comparison of Hydra, or another operator, softmax and a model without, that is to be measured."""
    return load(
        {
            "report": "measured",
            "datasets": [
                {"id": "made", "title": "Made-up data", "reader": {"kind": "synthetic", "n_users": 80, "n_items": 60}}
            ],
            "seeds": [0],
            "encoder": {"d_model": 16, "n_heads": 2, "max_length": 20},
            "training": {"batch_size": 16, "device": "cpu"},
            "grid": {
                "model": [{"kind": "sasrec"}],
                "attention": [operator or {"kind": "hydra"}, {"kind": "softmax"}],
                "masking": [{"kind": "causal"}],
            },
            "runs": [
                {"id": "gru", "model": {"kind": "gru4rec"}, "masking": {"kind": "causal"}},
                {"id": "random", "baseline": "random", "control": "random"},
            ],
            "evaluation": {"reference": "sasrec+softmax+causal"},
            "efficiency": {
                "devices": ["cpu"],
                "rounds": 5,
                "warm_up": 1,
                "lengths": [8, 16, 32, 64],
                "d_model": 16,
                "widths": [8, 16],
                "length": 16,
                "fit_from": 8,
                "elements": 2048,
            }
            | efficiency,
        }
    )


@pytest.fixture
def cpu() -> torch.device:
    return torch.device("cpu")
