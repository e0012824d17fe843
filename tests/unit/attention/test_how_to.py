"""The operator that the how-to adds works as printed."""

import re
import subprocess
import sys

from tests.conftest import ROOT

HARNESS = """
import inspect, sys
import torch
import hydrarec.attention
import hydrarec.config.attention as room

hydrarec.attention.__path__.append(sys.argv[1])
exec(open(sys.argv[1] + "/configuration.txt").read(), vars(room))

from tests.contract import kinds, test_attention as contract

config = next(config for config in kinds.ATTENTIONS if config.kind == "aft")
for causal in (True, False):
    for padded in (True, False):
        contract.test_outputs_and_gradients_equal_the_definition(config, causal, 63, padded)
    for side in ("left", "right"):
        contract.test_padding_changes_nothing(config, causal, 50, side)
    contract.test_an_all_padding_row_gives_finite_values_and_gradients(config, causal)
contract.test_a_later_item_never_changes_an_earlier_output(config)
contract.test_steps_give_what_the_full_pass_gives(config)
print("all held")
"""


def test_the_example_keeps_the_contract(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/add-attention.md").read_text(), re.DOTALL)
    (tmp_path / "configuration.txt").write_text(blocks[0])
    (tmp_path / "aft.py").write_text(next(block for block in blocks if "class AftAttention(" in block))
    command = [sys.executable, "-c", HARNESS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "all held", done.stderr
