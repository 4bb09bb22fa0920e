"""What changes personas: one module per noun."""

from apps.personas.services.few_shots import (
    propose_few_shot_examples,
    save_few_shot_example,
    switch_few_shot_examples,
)
from apps.personas.services.personas import DEFAULT_SHARE_RATE, FIXED, change_persona, create_persona
from apps.personas.services.prompts import activate_prompt_version, add_prompt_version, write_first_prompt

__all__ = [
    "DEFAULT_SHARE_RATE",
    "FIXED",
    "activate_prompt_version",
    "add_prompt_version",
    "change_persona",
    "create_persona",
    "propose_few_shot_examples",
    "save_few_shot_example",
    "switch_few_shot_examples",
    "write_first_prompt",
]
