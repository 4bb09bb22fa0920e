"""The providers there are. Adding one: copy the nearest file, register it here."""

from apps.common.registry import Registry
from apps.providers.adapters.base import Provider
from apps.providers.adapters.openai import OpenAIProvider

PROVIDERS: Registry[Provider] = Registry("provider")
PROVIDERS.register(OpenAIProvider())
