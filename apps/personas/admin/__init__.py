from apps.personas.admin import few_shots, personas, prompts

__all__ = ["few_shots", "personas", "prompts"]
