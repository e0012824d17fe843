"""The model that the how-to adds works as printed."""

import re
import subprocess
import sys

from tests.conftest import ROOT

HARNESS = """
import sys
import torch
import hydrarec.config.models as room
import hydrarec.models
from tests.contract import test_models as contract

torch.set_num_threads(1)
hydrarec.models.__path__.append(sys.argv[1])
exec(open(sys.argv[1] + "/configuration.txt").read(), vars(room))

for kind in ("hydra+causal", "hydra+bidirectional", "softmax+causal", "softmax+bidirectional"):
    settings = next(p.values[0] for p in contract.ALL if p.id == "bert4rec+" + kind)
    run = settings.run.model_copy(update={"model": room.PrenormModelConfig()})
    settings = settings.model_copy(update={"run": run})
    contract.test_hidden_states_have_the_shape_of_the_output_positions_and_are_finite(settings)
    contract.test_output_positions_are_what_they_are_among_all(settings)
    contract.test_neighbours_in_the_batch_and_padding_change_nothing(settings)
    contract.test_a_hidden_target_leaves_no_trace(settings)
    contract.test_order_matters(settings)
    if settings.run.masking.causal:
        contract.test_a_later_item_never_changes_an_earlier_hidden_state(settings)
        if contract.is_incremental(settings):
            contract.test_steps_give_what_the_full_pass_gives(settings)
        else:
            contract.test_what_is_not_incremental_says_so(settings)
print("all held")
"""


def test_the_example_keeps_the_contract(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/add-model.md").read_text(), re.DOTALL)
    (tmp_path / "configuration.txt").write_text(blocks[0])
    (tmp_path / "prenorm.py").write_text(next(block for block in blocks if "class PrenormModel(" in block))
    command = [sys.executable, "-c", HARNESS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "all held", done.stderr
