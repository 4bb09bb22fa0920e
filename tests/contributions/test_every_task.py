"""Each kind of work from its way in, over the testers' desk, to the line that a model is trained with."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from apps.common.audit import SYSTEM
from apps.contributions.models import Label, TrainingExample
from apps.datasets.models import DatasetItem
from apps.datasets.services import build_dataset
from apps.personas.models import Persona
from apps.personas.tasks import TASKS, Task
from tests.clients import key_client
from tests.factories import NOW, PersonaFactory, TesterFactory
from tests.forms import FormFields
from tests.personas.tasks.samples import SAMPLES, Sample

pytestmark = pytest.mark.django_db


def _persona(task: Task, sample: Sample) -> Persona:
    settings = task.clean_settings(sample.settings)
    persona: Persona = PersonaFactory(task=task.name, slug="ada", organization__slug="bank", settings=settings)
    return persona


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("task", list(TASKS), ids=lambda task: task.name)
def test_a_task_goes_from_an_input_to_a_training_line(task: Task, answered: bool, client: Client) -> None:
    sample = SAMPLES[task.name]
    persona = _persona(task, sample)
    sent = {"persona": "ada", "input": sample.input, **({"output": sample.output} if answered else {})}
    assert key_client(persona.organization).post("/api/examples/", sent).status_code == 201
    example = TrainingExample.objects.get()
    client.force_login(TesterFactory(organization=persona.organization).user)
    form = FormFields(client.get("/review/bank/ada/").content.decode())
    client.post(reverse("review_label", args=["bank", "ada", example.pk]), {**form.values, **sample.form})
    assert Label.objects.get().payload == sample.label
    build_dataset(persona=persona, name="One", by=SYSTEM, now=NOW)
    messages = json.loads(DatasetItem.objects.get().line)["messages"]
    assert messages[-2:] == [
        {"role": "user", "content": task.user_message(sample.input)},
        {"role": "assistant", "content": task.assistant_message(sample.label)},
    ]
