"""The kinds that exist, found by their files: a new one is tested without a test being written for it."""

import pkgutil
from importlib import import_module

from hydrarec.config.attention import (
    AttentionConfig,
    CosineAttentionConfig,
    GlaAttentionConfig,
    HydraAttentionConfig,
    LinformerAttentionConfig,
    PerformerAttentionConfig,
    RetentionAttentionConfig,
    SoftmaxAttentionConfig,
)
from hydrarec.config.base import KindConfigModel
from hydrarec.config.losses import LossConfig
from hydrarec.config.masking import MaskingConfig
from hydrarec.config.models import ModelConfig

NOT_A_KIND = {"base", "blocks", "parts", "recurrent", "softmax_triton"}


def files_of(room: str) -> set[str]:
    """Return the names of a room's files that should be kinds."""
    package = import_module(f"hydrarec.{room}")
    return {module.name for module in pkgutil.iter_modules(package.__path__)} - NOT_A_KIND


def configs_of(base: type[KindConfigModel]) -> list[KindConfigModel]:
    """Return a default configuration of every kind of a room."""
    return [config() for config in sorted(base.__subclasses__(), key=lambda c: c.__name__)]


ATTENTIONS = configs_of(AttentionConfig)
VARIANTS = [
    SoftmaxAttentionConfig(backend="math"),
    HydraAttentionConfig(kernel="tanh"),
    HydraAttentionConfig(kernel="mean"),
    HydraAttentionConfig(kernel="softmax"),
    HydraAttentionConfig(length_scaling="inverse"),
    HydraAttentionConfig(length_scaling="learned"),
    CosineAttentionConfig(n_heads=16),
    PerformerAttentionConfig(orthogonal=False, n_features=5),
    LinformerAttentionConfig(shared=True),
    RetentionAttentionConfig(decay=0.5, rotation=False),
    RetentionAttentionConfig(normalise=False),
    GlaAttentionConfig(normalise=False),
]
"""Settings of operators that compute something else than the default ones."""
MASKINGS = configs_of(MaskingConfig)
MODELS = configs_of(ModelConfig)
LOSSES = configs_of(LossConfig)
ROOMS = {"attention": ATTENTIONS, "masking": MASKINGS, "models": MODELS, "losses": LOSSES}
