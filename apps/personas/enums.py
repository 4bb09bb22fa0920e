from django.db import models


class TaskName(models.TextChoices):
    """The five kinds of work."""

    UX_TEST = "ux_test", "Testing a website"
    SURVEY_CODING = "survey_coding", "Coding open survey answers"
    CONVERSATION = "conversation", "Conversation"
    PAGE_BUILDER = "page_builder", "Building pages"
    ROAST = "roast", "Roasts"


class ContextMode(models.TextChoices):
    """How much retrieved context is put into the prompt (PB12)."""

    FULL = "full", "Full"
    STRUCTURE_ONLY = "structure_only", "Structure only"
    MINIMAL = "minimal", "Minimal"


class PatternType(models.TextChoices):
    """What a few-shot example shows (AV2)."""

    GREETING = "greeting", "Greeting"
    QUESTION = "question", "Question"
    STATEMENT = "statement", "Statement"
    JOKE = "joke", "Joke"
    STORY = "story", "Story"
