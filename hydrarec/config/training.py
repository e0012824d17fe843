"""How every model is trained; one block for all, so that architectures are compared and not their training."""

from typing import Annotated, Literal

from pydantic import Field

from hydrarec.config.base import ConfigModel, Count

Device = Literal["auto", "cpu", "cuda"]


class TrainingConfig(ConfigModel):
    """Optimiser, batches and stopping."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Adam's step size, constant."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Decoupled weight decay (AdamW); 0 is plain Adam."""
    batch_size: Count = 128
    """Sequences (users) in an optimiser step."""
    max_epochs: Count = 200
    """Epochs at most."""
    patience: Count = 10
    """Epochs without a better validation NDCG@10 after which training stops."""
    device: Device = "auto"
    """auto takes the GPU where there is one."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16 trains under autocast; scores for ranking are float32 in any case."""
    compile: bool = False
    """Compile models with torch.compile: minutes once, then fewer and larger kernels; for GPUs, slower on a CPU."""
