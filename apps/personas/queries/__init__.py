"""What can be asked about personas: one module per noun. Nothing here writes."""

from apps.personas.queries.few_shots import Pair, choose_diverse, diversity_of, pattern_of
from apps.personas.queries.personas import (
    active_prompt,
    build_messages,
    default_prompt,
    facts_of,
    find_persona,
    get_persona,
    persona_not_found,
    question_messages,
    task_of,
)
from apps.personas.queries.prompts import PromptLine, compare_prompts, prompt_to_compare_with
from apps.personas.queries.styles import Style, analyse_style, describe_style

__all__ = [
    "Pair",
    "PromptLine",
    "Style",
    "active_prompt",
    "analyse_style",
    "build_messages",
    "choose_diverse",
    "compare_prompts",
    "default_prompt",
    "describe_style",
    "diversity_of",
    "facts_of",
    "find_persona",
    "get_persona",
    "pattern_of",
    "persona_not_found",
    "prompt_to_compare_with",
    "question_messages",
    "task_of",
]
