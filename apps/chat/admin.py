"""Answers and conversations, to be read: nobody edits what a model said."""

from typing import Any

from django.contrib import admin
from django.db.models import ExpressionWrapper, F, QuerySet, TextField
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.text import Truncator
from unfold.decorators import display

from apps.chat.models import Conversation, Response
from apps.common.admin import as_written, link_to_list, show_facts, without_braces
from apps.common.crypto import CannotDecrypt, decrypt
from apps.common.ids import canonical_json
from apps.common.money import format_money
from apps.organizations.scoped_admin import ReadOnlyAdmin
from apps.personas.scoped_admin import PersonaFilter

PREVIEW = 60  # characters of an answer in a list
STATUS_COLOURS = {
    "Completed": "success",
    "Answer does not parse": "warning",
    "Caller hung up": "info",
    "Failed": "danger",
}


@admin.register(Response)
class ResponseAdmin(ReadOnlyAdmin):
    list_display = [
        "start", "persona", "status_badge", "answered_by", "tokens", "cost", "price", "speed", "created_at",
    ]  # fmt: skip
    list_select_related = ["persona", "custom_model"]
    list_filter = ["status", "kind", "is_fallback", PersonaFilter]
    search_fields = ["public_id__exact"]  # by its index; a search inside texts would read every row
    search_help_text = "A whole response id, resp_…"
    ordering = ["-pk"]
    when_empty = "Ask a persona through /v1/chat/completions or /api/personas/…/runs/; every answer is listed here."
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "persona",
                    "status_badge",
                    "conversation_so_far",
                    "answer_in_full",
                    "error_code",
                    "see_also",
                    "public_id",
                    "kind",
                ]
            },
        ),
        (
            "Who answered",
            {"fields": ["answered_by", "model_name", "base_model", "prompt_version", "variant", "routing_reason"]},
        ),
        ("What it cost", {"fields": ["tokens", "tokens_counted_by", "cost", "unit_prices", "price", "customer"]}),
        ("How fast", {"fields": ["whole_answer", "first_token"]}),
        ("Who asked", {"fields": ["called_by", "unit", "conversation", "tags_in_full", "created_at"]}),
    ]
    readonly_fields = [
        "status_badge", "conversation_so_far", "answer_in_full", "see_also", "answered_by", "tokens",
        "tokens_counted_by", "cost", "unit_prices", "price", "whole_answer", "first_token", "tags_in_full",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = super().get_queryset(request)
        stored = ExpressionWrapper(F("output"), output_field=TextField())
        listed: QuerySet[Any] = rows.without_texts().annotate(stored_output=stored)
        return listed

    @display(description="status", ordering="status", label=STATUS_COLOURS)  # type: ignore[untyped-decorator]
    def status_badge(self, response: Response) -> str:
        return response.get_status_display()

    @admin.display(description="answer")
    def start(self, response: Any) -> str:
        """Decrypted here, not by the field: an answer that no key fits must not hide all the others."""
        try:
            output = decrypt(response.stored_output)
        except CannotDecrypt:
            return "cannot be decrypted"
        return Truncator(without_braces(output)).chars(PREVIEW) or "-"

    @admin.display(description="answer")
    def answer_in_full(self, response: Response) -> str:
        return as_written(response.output)

    @admin.display(description="see also")
    def see_also(self, response: Response) -> str:
        links = [
            link_to_list("feedback_modelfeedback", "feedback on it", response__id__exact=response.pk),
            link_to_list("contributions_trainingexample", "the example made of it", response_id=response.public_id),
            link_to_list("payouts_revenueevent", "what it earned", response__id__exact=response.pk),
        ]
        return format_html_join(", ", "{}", ((link,) for link in links))

    @admin.display(description="asked")
    def conversation_so_far(self, response: Response) -> str:
        lines = [(message.get("role"), _words_of(message)) for message in response.messages]
        return format_html_join("", '<p class="as-written"><b>{}</b>: {}</p>', lines)

    @admin.display(description="answered by")
    def answered_by(self, response: Response) -> str:
        name = f"version {response.custom_model.number}" if response.custom_model else response.model_name
        return f"{name} (fallback)" if response.is_fallback else name

    @admin.display(description="tokens in + out")
    def tokens(self, response: Response) -> str:
        return f"{response.prompt_tokens:,} + {response.completion_tokens:,}"

    @admin.display(description="tokens counted by")
    def tokens_counted_by(self, response: Response) -> str:
        return "Flywheel: the provider did not report them" if response.tokens_are_counted else "the provider"

    @admin.display(description="cost", ordering="cost_micros")
    def cost(self, response: Response) -> str:
        return format_money(response.cost_micros, response.cost_currency)

    @admin.display(description="prices per million tokens")
    def unit_prices(self, response: Response) -> str:
        prices = (response.input_price, response.cached_input_price, response.output_price)
        shown = [format_money(price, response.cost_currency) for price in prices]
        return f"{shown[0]} in, {shown[1]} cached, {shown[2]} out"

    @admin.display(description="customer pays", ordering="price_micros")
    def price(self, response: Response) -> str:
        return format_money(response.price_micros, response.price_currency) if response.price_micros else "-"

    @admin.display(description="ms", ordering="latency_ms")
    def speed(self, response: Response) -> str:
        return f"{response.latency_ms:,.0f}"

    @admin.display(description="whole answer")
    def whole_answer(self, response: Response) -> str:
        return f"{response.latency_ms:,.0f} ms"

    @admin.display(description="first token")
    def first_token(self, response: Response) -> str:
        return "not streamed" if response.first_token_ms is None else f"{response.first_token_ms:,.0f} ms"

    @admin.display(description="tags")
    def tags_in_full(self, response: Response) -> str:
        return show_facts([(name, str(value)) for name, value in response.tags.items()])


def _words_of(message: dict[str, Any]) -> str:
    """Text as it is; what else a message carries (parts, tool calls) as JSON."""
    content = message.get("content")
    return (
        content
        if isinstance(content, str)
        else canonical_json({key: value for key, value in message.items() if key != "role"})
    )


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    list_display = ["reference", "title", "persona", "unit", "created_at"]
    list_select_related = ["persona"]
    list_filter = [PersonaFilter]
    search_fields = ["reference", "title"]
    ordering = ["-pk"]
    fields = ["reference", "title", "persona", "unit", "responses", "created_at"]
    readonly_fields = ["responses"]
    when_empty = "Calls that send a conversation_id in their metadata are kept together here."

    @admin.display(description="responses")
    def responses(self, conversation: Conversation) -> str:
        return link_to_list("chat_response", "its responses", conversation__id__exact=conversation.pk)
