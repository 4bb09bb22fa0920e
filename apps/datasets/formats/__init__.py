"""The formats a dataset can be rendered in."""

from apps.common.registry import Registry
from apps.datasets.formats.base import Format
from apps.datasets.formats.openai_chat import OpenAIChat

FORMATS: Registry[Format] = Registry("dataset format")
FORMATS.register(OpenAIChat())
