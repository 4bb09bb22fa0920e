from apps.chat.models import Conversation
from apps.common.errors import InvalidInput
from apps.personas.models import Persona


def find_or_start_conversation(*, persona: Persona, reference: str, unit: str) -> Conversation:
    """The organization's conversation under the caller's own `reference`; InvalidInput if it is another persona's."""
    conversation, _ = Conversation.objects.get_or_create(
        organization=persona.organization, reference=reference, defaults={"persona": persona, "unit": unit}
    )
    if conversation.persona_id != persona.pk:
        raise InvalidInput(
            f"Conversation {reference!r} belongs to another persona.",
            resolution="Start a conversation of its own with each persona.",
            code="other_personas_conversation",
            param="metadata.conversation_id",
        )
    return conversation
