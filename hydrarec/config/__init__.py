"""The configuration, typed: the only source of truth about what is compared. Never imports torch."""

from hydrarec.config.base import ConfigError
from hydrarec.config.benchmark import BenchmarkConfig, RunSettings
from hydrarec.config.loading import load, load_file

__all__ = ["BenchmarkConfig", "ConfigError", "RunSettings", "load", "load_file"]
