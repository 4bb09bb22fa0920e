from collections.abc import Iterable, Mapping
from typing import Any

from apps.common.errors import InvalidInput, NotFound
from apps.organizations.models import Organization
from apps.personas.models import Persona, PromptVersion
from apps.personas.tasks import TASKS, PersonaFacts, Task


def get_persona(*, organization: Organization, slug: str) -> Persona:
    """The organization's active persona of that slug, its base model loaded; NotFound if it has none."""
    persona = (
        Persona.objects.of_organization(organization)
        .filter(slug=slug, is_active=True)
        .select_related("organization", "base_model", "credential")
        .first()
    )
    if persona is None:
        raise persona_not_found(slug)
    return persona


def find_persona(*, slug: str, organization: str = "") -> Persona:
    """The persona that a command means, by its slug and, where several organizations have it, the organization's.

    For whoever runs the installation: it looks everywhere. InvalidInput if there is none, or more than one.
    """
    personas = Persona.objects.filter(slug=slug)
    if organization:
        personas = personas.filter(organization__slug=organization)
    found = list(personas.select_related("organization", "base_model").order_by("organization__slug"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InvalidInput(f"There is no persona {slug!r}.", resolution="Check --persona and --organization.")
    names = ", ".join(persona.organization.slug for persona in found)
    raise InvalidInput(f"Several organizations have a persona {slug!r}.", resolution=f"Add --organization: {names}.")


def persona_not_found(slug: str) -> NotFound:
    return NotFound(
        f"There is no persona {slug[:100]!r}.",
        resolution="GET /api/personas/ lists the ones of your organization.",
        code="persona_not_found",
        param="persona",
    )


def task_of(persona: Persona) -> Task:
    return TASKS.get(persona.task)


def facts_of(persona: Persona) -> PersonaFacts:
    return PersonaFacts(
        name=persona.name,
        identity=persona.identity,
        platform_context=persona.platform_context,
        settings=persona.settings,
    )


def question_messages(*, persona: Persona, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An input as the messages that put it to a model: what was said before, then the question."""
    task = task_of(persona)
    return [*(dict(turn) for turn in task.history(data)), {"role": "user", "content": task.user_message(data)}]


def default_prompt(persona: Persona) -> str:
    """The task's own system prompt, from the persona as it is now."""
    return task_of(persona).system_prompt(facts_of(persona))


def active_prompt(persona: Persona) -> PromptVersion | None:
    return PromptVersion.objects.filter(persona=persona, is_active=True).first()


def build_messages(
    *, persona: Persona, prompt: PromptVersion | None, messages: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What is sent to a model: the system prompt, the few-shot turns (AV2), then the caller's messages as they are."""
    built: list[dict[str, Any]] = []
    if prompt is not None:
        built.append({"role": "system", "content": prompt.system_prompt})
    turns = persona.few_shot_examples.filter(is_active=True).values_list("user_message", "assistant_message")
    for question, answer in turns:
        built += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return built + [dict(message) for message in messages]
