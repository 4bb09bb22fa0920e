"""The kinds of work there are. How to add one: docs/architecture.md."""

from apps.common.registry import Registry
from apps.personas.tasks.base import PersonaFacts, Task
from apps.personas.tasks.survey_coding import SurveyCoding

__all__ = ["TASKS", "PersonaFacts", "Task"]

TASKS: Registry[Task] = Registry("task")
TASKS.register(SurveyCoding())
