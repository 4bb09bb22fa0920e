from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client, override_settings
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from apps.common import health, jobs, metrics
from apps.common.models import Heartbeat

pytestmark = pytest.mark.django_db


def beat(*, seconds_ago: float) -> None:
    Heartbeat.objects.create(name="worker", at=timezone.now() - timedelta(seconds=seconds_ago))


def readiness(client: Client, *, status: int) -> dict[str, Any]:
    response = client.get("/readyz")
    assert response.status_code == status
    answer: dict[str, Any] = response.json()
    assert answer["ok"] == (status == 200)
    assert response["Cache-Control"].startswith("max-age=0")
    return answer["checks"]


def test_liveness_asks_nobody(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"ok": True})
    assert client.post("/healthz").status_code == 405


def test_ready_when_everything_is(client: Client) -> None:
    beat(seconds_ago=50)
    checks = readiness(client, status=200)
    assert {name: check["state"] for name, check in checks.items()} == {
        "database": "ok",
        "migrations": "ok",
        "guards": "ok",
        "queue": "ok",
        "worker": "ok",
    }


@pytest.fixture
def _the_clock_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ages are told in whole seconds, of which a busy machine takes one or two."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.mark.usefixtures("_the_clock_stands_still")
def test_no_worker_yet_is_not_the_same_as_a_late_one(client: Client) -> None:
    assert readiness(client, status=503)["worker"] == {
        "ok": False,
        "state": "never_seen",
        "detail": "No worker has run yet: start manage.py worker, or wait a few seconds.",
    }
    beat(seconds_ago=600)
    late = readiness(client, status=503)["worker"]
    assert late["state"] == "late"
    assert "600 s old" in late["detail"]


def test_a_missing_trigger_is_named(client: Client) -> None:
    beat(seconds_ago=0)
    on = " ON common_auditevent" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER common_auditevent_no_delete{on}")
    guards = readiness(client, status=503)["guards"]
    assert guards["state"] == "missing"
    assert "common_auditevent_no_delete" in guards["detail"]


def test_a_pending_migration_is_seen(client: Client) -> None:
    beat(seconds_ago=0)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'common'")
    assert readiness(client, status=503)["migrations"]["state"] == "pending"


def test_a_database_that_is_away_is_an_answer_and_not_a_crash(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: Any) -> health.Finding:
        raise DatabaseError("password=secret host=10.0.0.1")

    monkeypatch.setattr(health, "CHECKS", {"database": away})
    checks = readiness(client, status=503)
    assert checks["database"]["state"] == "error"
    assert "secret" not in str(checks)


@pytest.mark.usefixtures("_the_clock_stands_still")
def test_the_queue_tells_what_waits_and_for_how_long(client: Client) -> None:
    beat(seconds_ago=0)
    assert readiness(client, status=200)["queue"]["detail"] == "No job waits."
    for _ in range(3):
        jobs.enqueue(jobs.beat)
    OrmQ.objects.filter(pk=OrmQ.objects.latest("pk").pk).update(lock=timezone.now() - timedelta(seconds=70))
    jobs.enqueue_later(jobs.beat, seconds=60)
    assert readiness(client, status=200)["queue"]["detail"] == "Jobs that wait: 3, the oldest for 70 s."


@pytest.fixture
def gauges(monkeypatch: pytest.MonkeyPatch) -> dict[str, metrics.Gauge]:
    ours = dict(metrics._gauges)
    monkeypatch.setattr(metrics, "_gauges", ours)
    return ours


def numbers(client: Client, **headers: str) -> dict[str, float]:
    response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    lines = [line.rpartition(" ") for line in response.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_metrics_tell_the_state_of_the_queue(client: Client) -> None:
    jobs.enqueue(jobs.beat)
    before = numbers(client)
    assert before["flywheel_queue_waiting_jobs"] == 1
    assert "flywheel_worker_heartbeat_age_seconds" not in before
    jobs.drain()
    after = numbers(client)
    assert after["flywheel_queue_waiting_jobs"] == 0
    assert after["flywheel_worker_heartbeat_age_seconds"] < 60
    assert after["flywheel_missing_guards"] == 0
    assert after["flywheel_unreadable_gauges"] == 0
    assert after["process_resident_memory_bytes"] > 0


@pytest.mark.usefixtures("gauges")
def test_apps_add_their_own_numbers(client: Client) -> None:
    metrics.gauge("flywheel_test_jobs", "Open jobs.", lambda: {"queued": 2, 'a "name"': 1}, label="status")
    metrics.gauge("flywheel_test_broken", "Cannot be read.", lambda: 1 // 0)
    found = numbers(client)
    assert found['flywheel_test_jobs{status="queued"}'] == 2
    assert found['flywheel_test_jobs{status="a \\"name\\""}'] == 1
    assert found["flywheel_unreadable_gauges"] == 1
    with pytest.raises(ValueError, match="two gauges are called 'flywheel_test_jobs'"):
        metrics.gauge("flywheel_test_jobs", "Again.", lambda: 1)


@override_settings(METRICS_TOKEN="token")
def test_a_token_closes_the_metrics(client: Client) -> None:
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 403
    assert "flywheel_missing_guards" in numbers(client, authorization="Bearer token")


@override_settings(PRODUCTION=True)
def test_production_metrics_need_a_token(client: Client) -> None:
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 403


@override_settings(SECURE_SSL_REDIRECT=True)
def test_probes_are_answered_by_plain_http(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 301
