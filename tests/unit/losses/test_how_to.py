"""The loss that the how-to adds works as printed."""

import re
import subprocess
import sys

from tests.conftest import ROOT

HARNESS = """
import sys
import torch
import torch.nn.functional as F
import hydrarec.losses
import hydrarec.config.losses as room

hydrarec.losses.__path__.append(sys.argv[1])
exec(open(sys.argv[1] + "/configuration.txt").read(), vars(room))

from hydrarec.losses.base import draw_negatives
from hydrarec.models.base import OutputLayer
from tests.contract import kinds

config = next(config for config in kinds.LOSSES if config.kind == "bpr")
config = type(config)(n_negatives=3)
hidden, weight = torch.randn(5, 4, requires_grad=True), torch.randn(8, 4, requires_grad=True)
targets = torch.tensor([1, 7, 3, 3, 2])
stream = lambda: torch.Generator().manual_seed(1)
loss = config.implementation()(config)(hidden, targets, OutputLayer(weight, None), stream())
scores = hidden @ weight.T
drawn = draw_negatives(targets, 3, 7, stream())
pairs = [F.logsigmoid(scores[m, targets[m]] - scores[m, j]) for m in range(5) for j in drawn[m]]
torch.testing.assert_close(loss, -sum(pairs) / len(pairs))
loss.backward()
assert hidden.grad.isfinite().all() and weight.grad[0].eq(0).all()
print("all held")
"""


def test_the_example_is_its_formula(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/add-loss.md").read_text(), re.DOTALL)
    (tmp_path / "configuration.txt").write_text(blocks[0])
    (tmp_path / "bpr.py").write_text(blocks[1])
    command = [sys.executable, "-c", HARNESS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "all held", done.stderr
