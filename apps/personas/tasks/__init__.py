"""The kinds of work there are. How to add one: docs/architecture.md."""

from apps.common.registry import Registry
from apps.personas.tasks.base import PersonaFacts, Task
from apps.personas.tasks.conversation import Conversation
from apps.personas.tasks.page_builder import PageBuilder
from apps.personas.tasks.roast import Roast
from apps.personas.tasks.survey_coding import SurveyCoding
from apps.personas.tasks.ux_test import UxTest

__all__ = ["TASKS", "PersonaFacts", "Task"]

TASKS: Registry[Task] = Registry("task")
TASKS.register(UxTest())
TASKS.register(SurveyCoding())
TASKS.register(Conversation())
TASKS.register(PageBuilder())
TASKS.register(Roast())
