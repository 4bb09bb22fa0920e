"""What staff see of answers and conversations."""

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from apps.chat.models import Conversation, Response
from apps.common.crypto import CannotDecrypt
from apps.personas.models import Persona
from tests.clients import staff_client
from tests.factories import PersonaFactory, ResponseFactory

pytestmark = pytest.mark.django_db

RESPONSES = "/admin/chat/response/"
CONVERSATIONS = "/admin/chat/conversation/"


@pytest.fixture
def persona() -> Persona:
    return PersonaFactory()


def _answer(persona: Persona, text: str) -> Response:
    conversation = Conversation.objects.create(organization=persona.organization, persona=persona, reference=text)
    return ResponseFactory(persona=persona, output=text, conversation=conversation, price_micros=50_000)


def test_each_organization_sees_its_own(persona: Persona) -> None:
    response = _answer(persona, "<b>ours</b>")
    staff, stranger = staff_client(persona.organization), staff_client(PersonaFactory().organization)
    pages = [
        (RESPONSES, "&lt;b&gt;ours"),
        (f"{RESPONSES}?status=completed&kind=chat&is_fallback__exact=0&persona={persona.pk}", "&lt;b&gt;ours"),
        (f"{RESPONSES}?q={response.public_id}", "&lt;b&gt;ours"),
        (f"{RESPONSES}{response.pk}/change/", "$0.00 in, $0.00 cached"),
        (CONVERSATIONS, "&lt;b&gt;ours"),
        (f"{CONVERSATIONS}{response.conversation_id}/change/", "&lt;b&gt;ours"),
    ]
    for path, text in pages:
        page = staff.get(path)
        assert (page.status_code, text in page.content.decode()) == (200, True), path
        theirs = stranger.get(path, follow=True).content.decode()
        assert "ours" not in theirs, path


def test_what_was_asked_is_readable_whatever_it_was(persona: Persona) -> None:
    messages = [{"role": "user", "content": "<b>hi</b>"}, {"role": "assistant", "content": None, "tool_calls": []}]
    response = ResponseFactory(persona=persona, messages=messages, is_fallback=True)
    page = staff_client(persona.organization).get(f"{RESPONSES}{response.pk}/change/").content.decode()

    assert "<b>user</b>: &lt;b&gt;hi&lt;/b&gt;" in page
    assert "<b>assistant</b>: {&quot;content&quot;:null,&quot;tool_calls&quot;:[]}" in page
    assert "recall-1 (fallback)" in page


def test_how_it_was_answered_is_told_in_words(persona: Persona) -> None:
    plain = ResponseFactory(persona=persona, latency_ms=4.92989999997917)
    streamed = ResponseFactory(
        persona=persona, latency_ms=1234.5, first_token_ms=12.4, tokens_are_counted=True, tags={"shop": "<b>north</b>"}
    )
    staff = staff_client(persona.organization)
    for response, words in [
        (plain, ["5 ms", "not streamed", "the provider<"]),
        (streamed, ["1,234 ms", "12 ms", "Flywheel: the provider did not report them", "shop", "&lt;b&gt;north"]),
    ]:
        page = staff.get(f"{RESPONSES}{response.pk}/change/").content.decode()
        assert [word for word in words if word not in page] == []
        assert "4.9298" not in page


def test_a_list_shows_the_answers_that_a_key_fits_and_names_the_others(persona: Persona) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        _answer(persona, "lost")
    _answer(persona, "kept")
    page = staff_client(persona.organization).get(RESPONSES)
    assert page.status_code == 200
    assert "kept" in page.content.decode()
    assert "cannot be decrypted" in page.content.decode()


def test_answers_without_texts_are_read_without_a_key(persona: Persona) -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=[Fernet.generate_key().decode()]):
        lost = _answer(persona, "lost")
    assert Response.objects.without_texts().get() == lost
    with pytest.raises(CannotDecrypt):
        Response.objects.get()


def test_nobody_edits_what_a_model_said(persona: Persona) -> None:
    response = _answer(persona, "ours")
    staff = staff_client(persona.organization)
    assert staff.get(f"{RESPONSES}add/").status_code == 403
    assert staff.post(f"{RESPONSES}{response.pk}/change/", {"output": "x"}).status_code == 403
    assert staff.post(f"{RESPONSES}{response.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("path", [RESPONSES, CONVERSATIONS])
def test_a_list_costs_the_same_for_one_row_and_three(persona: Persona, path: str) -> None:
    staff = staff_client(persona.organization)
    counts = []
    for rows in (1, 2):
        for n in range(rows):
            _answer(persona, f"{rows} {n}")
        with CaptureQueriesContext(connection) as queries:
            staff.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]
