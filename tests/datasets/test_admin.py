"""What staff do with datasets: build after a preview, publish for ever, export."""

import hashlib
import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.common.money import format_money
from apps.contributions.models import Tester
from apps.datasets.enums import DatasetStatus
from apps.datasets.models import TrainingDataset
from apps.datasets.queries import preview
from apps.organizations.enums import Role
from apps.personas.models import Persona
from apps.providers.models import ModelPrice
from tests.clients import staff_client
from tests.datasets.world import accept, accept_many, build, label, publish
from tests.factories import PersonaFactory, TesterFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/datasets/trainingdataset/"
BUILD = f"{LIST}build/"


@pytest.fixture
def persona() -> Persona:
    persona: Persona = PersonaFactory(name="Bank question coder")
    return persona


def _answers(persona: Persona, **fields: Any) -> dict[str, Any]:
    return {
        "persona": persona.pk, "name": "March", "min_quality_score": "0.7", "maximum": "1000", "include_persona": "on",
        "step": "preview", "confirmed": "yes", **fields,
    }  # fmt: skip


def _act(client: Client, action: str, *datasets: TrainingDataset, **fields: Any) -> Any:
    data = {"action": action, "_selected_action": [dataset.pk for dataset in datasets], **fields}
    return client.post(LIST, data, follow=True)


def _page(response: Any) -> str:
    text: str = response.content.decode()
    return " ".join(text.split())


def _fact(page: str, label: str) -> str:
    """What a page that asks says beside the label."""
    (value,) = re.findall(rf"<dt[^>]*>{re.escape(label)}</dt> <dd[^>]*>(.*?)</dd>", page)
    return unescape(value)


def _set_price(persona: Persona, *, training: int) -> None:
    """Micros of dollars per million tokens."""
    ModelPrice.objects.create(base_model=persona.base_model, valid_from=date(2026, 1, 1), training=training)


def test_building_shows_the_numbers_before_anything_is_written(persona: Persona) -> None:
    accept_many(persona, 45)
    accept(persona, quality_score=None)
    client = staff_client(persona.organization)
    assert "Build dataset" in _page(client.get(LIST))
    assert "Minimum quality" in _page(client.get(BUILD))

    shown = _page(client.post(BUILD, _answers(persona)))
    assert "45: 40 to train on, 5 to validate with" in shown
    assert "Has no quality score".lower() in shown.lower()
    assert "45 examples" not in shown
    assert _fact(shown, "Training tokens").endswith("in each epoch")
    assert _fact(shown, "Cost of building") == "nothing"
    assert re.fullmatch(r"about \d+ seconds? \(estimated\)", _fact(shown, "Time to build"))
    assert _fact(shown, "Cost of training on it") == f"not known: {persona.base_model} has no price in the catalogue"
    assert _fact(shown, "Time to train on it").startswith("not known yet")
    assert "40 examples will do; 100 or more are recommended, 500 or more are optimal." in shown
    assert not TrainingDataset.objects.exists()

    done = client.post(BUILD, _answers(persona, step="build"), follow=True)
    dataset = TrainingDataset.objects.get()
    assert done.redirect_chain == [(f"{LIST}{dataset.pk}/change/", 302)]
    assert (dataset.name, dataset.example_count, dataset.include_persona) == ("March", 45, True)
    assert "March is built: 45 examples." in _page(done)


def test_the_preview_carries_every_answer_to_the_build(persona: Persona) -> None:
    accept_many(persona, 15)
    client = staff_client(persona.organization)
    answers = _answers(persona, maximum="", description="All of it", include_platform_context="on")
    del answers["include_persona"]
    preview = client.post(BUILD, answers).content.decode()
    client.post(BUILD, dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', preview)))
    dataset = TrainingDataset.objects.get()
    assert dataset.training_params["maximum"] is None
    assert (dataset.include_persona, dataset.include_platform_context) == (False, True)
    assert dataset.description == "All of it"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_quality_score": "7"}, "less than or equal to 1"),
        ({"maximum": "0"}, "greater than or equal to 1"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_bad_answers_are_asked_again(persona: Persona, fields: dict[str, str], message: str) -> None:
    accept_many(persona, 10)
    assert message in _page(staff_client(persona.organization).post(BUILD, _answers(persona, **fields)))
    assert not TrainingDataset.objects.exists()


def test_a_corrected_form_shows_its_preview_before_anything_is_built(persona: Persona) -> None:
    accept_many(persona, 45)
    client = staff_client(persona.organization)
    refused = client.post(BUILD, _answers(persona, step="build", min_quality_score="7")).context["form"]
    corrected = _answers(persona, step=refused["step"].value())
    assert "45: 40 to train on, 5 to validate with" in _page(client.post(BUILD, corrected))
    assert not TrainingDataset.objects.exists()


def test_building_from_nothing_says_so(persona: Persona) -> None:
    client = staff_client(persona.organization)
    assert "Need at least 10 examples. Current: 0" in _page(client.post(BUILD, _answers(persona)))
    assert "Need at least 10 examples. Current: 0" in _page(client.post(BUILD, _answers(persona, step="build")))
    assert not TrainingDataset.objects.exists()


def test_a_persona_of_another_organization_is_no_choice(persona: Persona) -> None:
    other = PersonaFactory(name="Their secret persona")
    accept_many(other, 10)
    client = staff_client(persona.organization)
    assert "Their secret persona" not in _page(client.get(BUILD))
    answer = _page(client.post(BUILD, _answers(other, step="build")))
    assert "Select a valid choice" in answer
    assert not TrainingDataset.objects.exists()


def test_a_preview_says_what_training_would_cost(persona: Persona) -> None:
    accept_many(persona, 45)
    _set_price(persona, training=5_000_000_000)
    tokens = preview(persona=persona).training_tokens
    shown = _page(staff_client(persona.organization).post(BUILD, _answers(persona)))
    assert _fact(shown, "Training tokens") == f"{tokens:,} in each epoch"
    assert _fact(shown, "Cost of training on it") == (
        f"about {format_money(5_000 * tokens, 'USD')} for each epoch on {persona.base_model} "
        "(estimated, at today's price)"
    )


def test_publishing_asks_first_and_says_what_happened(persona: Persona) -> None:
    accept_many(persona, 30)
    good, small = build(persona, name="Good"), build(persona, name="Small", maximum=9)
    client = staff_client(persona.organization)
    assert "Choose one dataset" in _page(_act(client, "publish", good, small))
    asked = _page(_act(client, "publish", good))
    assert "27 to train on, 3 to validate with" in asked
    assert "Need at least 10 examples. Current: 9" in _page(_act(client, "publish", small))
    assert _fact(asked, "Personal data replaced") == "nothing"
    assert "95 % interval" in asked
    assert "Line 20 of the sample" in asked
    _act(client, "publish", good, confirmed="yes")  # nobody said that they looked
    assert not TrainingDataset.objects.published().exists()

    approved = {"confirmed": "yes", "looked": "on"}
    assert "Good is published." in _page(_act(client, "publish", good, **approved))
    assert "Small: Need at least 10 examples. Current: 9" in _page(_act(client, "publish", small, **approved))
    (published,) = TrainingDataset.objects.published()
    assert (published, published.approved_by) == (good, published.published_by)
    assert "Good is already published." in _page(_act(client, "publish", good, **approved))


def test_exporting_asks_first_and_streams_the_training_file(persona: Persona) -> None:
    accept_many(persona, 30)
    dataset = publish(build(persona))
    client = staff_client(persona.organization, Role.VIEWER)
    asked = _page(_act(client, "export_jsonl", dataset))
    assert "training-data-2026-11-20.jsonl" in asked
    assert _fact(asked, "SHA-256") == dataset.training_sha256
    assert _fact(asked, "Examples") == "30"
    assert _fact(asked, "To train on") == "27"
    assert _fact(asked, "Training tokens") == f"{dataset.training_tokens:,} in each epoch"
    assert _fact(asked, "Cost of exporting") == "nothing"
    assert re.fullmatch(r"about \d+ seconds? \(estimated\)", _fact(asked, "Time to read it"))
    assert _fact(asked, "Cost of training on it").startswith("not known: ")
    answer = _act(client, "export_jsonl", dataset, confirmed="yes")
    assert hashlib.sha256(b"".join(answer.streaming_content)).hexdigest() == dataset.training_sha256
    assert answer["Content-Disposition"] == 'attachment; filename="training-data-2026-11-20.jsonl"'


def test_the_page_of_one_dataset_publishes_and_exports_it_too(persona: Persona) -> None:
    accept_many(persona, 30)
    dataset = build(persona)
    client, stranger = staff_client(persona.organization), staff_client(PersonaFactory().organization)
    page = f"{LIST}{dataset.pk}"
    assert "Publish for ever?" in _page(client.get(f"{page}/publish/"))
    assert stranger.post(f"{page}/publish/", {"confirmed": "yes"}).status_code == 404
    assert (
        staff_client(persona.organization, Role.VIEWER).post(f"{page}/publish/", {"confirmed": "yes"}).status_code
        == 403
    )
    assert not TrainingDataset.objects.published().exists()

    approved = {"confirmed": "yes", "looked": "on"}
    assert "is published." in _page(client.post(f"{page}/publish/", approved, follow=True))
    dataset.refresh_from_db()
    assert "training-data-" in _page(client.get(f"{page}/export/"))
    answer = client.post(f"{page}/export/", {"confirmed": "yes"})
    assert hashlib.sha256(b"".join(answer.streaming_content)).hexdigest() == dataset.training_sha256
    assert client.get(f"{LIST}999999/export/").status_code == 404


def test_a_link_from_elsewhere_chooses_the_persona(persona: Persona) -> None:
    form = staff_client(persona.organization).get(BUILD, {"persona": persona.pk}).context["form"]
    assert form["persona"].value() == str(persona.pk)


def test_one_dataset_is_exported_at_a_time_and_no_draft(persona: Persona) -> None:
    accept_many(persona, 30)
    dataset, draft = publish(build(persona)), build(persona)
    client = staff_client(persona.organization)
    assert "Choose one dataset" in _page(_act(client, "export_jsonl", dataset, draft, confirmed="yes"))
    assert "is not published yet" in _page(_act(client, "export_jsonl", draft, confirmed="yes"))


def test_viewers_look_and_do_not_write(persona: Persona) -> None:
    accept_many(persona, 10)
    draft = build(persona)
    viewer = staff_client(persona.organization, Role.VIEWER)
    assert viewer.get(LIST).status_code == 200
    assert "Build dataset" not in _page(viewer.get(LIST))
    assert viewer.post(BUILD, _answers(persona, step="build")).status_code == 403
    _act(viewer, "publish", draft, confirmed="yes")
    draft.refresh_from_db()
    assert draft.status == DatasetStatus.PREPARING


def test_the_detail_page_shows_numbers_and_the_first_items(persona: Persona) -> None:
    accept_many(persona, 45)
    accept(persona, text="<script>alert(1)</script>", content_hash="x" * 64)  # fixed: it decides on the place
    accept(persona, quality_score=None)
    dataset = build(persona)
    page = _page(staff_client(persona.organization).get(f"{LIST}{dataset.pk}/change/"))
    assert "exchange_rate 15" in page
    assert "Left out: has no quality score" in page
    assert "and 26 more" in page
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_items_and_credits_can_be_read_only(persona: Persona) -> None:
    tester: Tester = TesterFactory(organization=persona.organization, display_name="Ada")
    for example in accept_many(persona, 10):
        label(example, [tester])
    dataset = publish(build(persona))
    client = staff_client(persona.organization)
    for path, model in (("datasetitem", "items"), ("itemcredit", "credits")):
        row = getattr(dataset, model).first()
        assert client.get(f"/admin/datasets/{path}/").status_code == 200
        assert client.get(f"/admin/datasets/{path}/?dataset__id__exact={dataset.pk}").status_code == 200
        assert client.get(f"/admin/datasets/{path}/{row.pk}/change/").status_code == 200
        assert client.get(f"/admin/datasets/{path}/add/").status_code == 403
        assert client.post(f"/admin/datasets/{path}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_another_organizations_staff_see_nothing(persona: Persona) -> None:
    tester: Tester = TesterFactory(organization=persona.organization)
    for example in accept_many(persona, 10):
        label(example, [tester])
    dataset = publish(build(persona, name="Private plans"))
    stranger = staff_client(PersonaFactory().organization)
    for path in ("trainingdataset", "datasetitem", "itemcredit"):
        assert "Private plans" not in _page(stranger.get(f"/admin/datasets/{path}/"))
    assert stranger.get(f"{LIST}{dataset.pk}/change/").status_code == 302
    _act(stranger, "export_jsonl", dataset, confirmed="yes")
    assert "Private plans" not in _page(_act(stranger, "export_jsonl", dataset))


@pytest.mark.parametrize("path", ["trainingdataset", "datasetitem", "itemcredit"])
def test_lists_take_the_same_queries_for_few_and_many(persona: Persona, path: str) -> None:
    tester: Tester = TesterFactory(organization=persona.organization)
    for example in accept_many(persona, 10):
        label(example, [tester])
    client = staff_client(persona.organization)
    counts = []
    for rows in (1, 2):
        for _ in range(rows):
            publish(build(persona))
        client.get(f"/admin/datasets/{path}/")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/admin/datasets/{path}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
