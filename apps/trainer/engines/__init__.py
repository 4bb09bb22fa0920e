"""The engines, by the name of their base model."""

from apps.common.registry import Registry
from apps.trainer.engines.base import Engine
from apps.trainer.engines.recall import Recall

ENGINES: Registry[Engine] = Registry("engine")
ENGINES.register(Recall())

BY_BASE_MODEL: dict[str, Engine] = {engine.base_model: engine for engine in ENGINES}
