"""Prometheus numbers, read from the database when they are asked for, so that every process tells the same.

An app adds its own beside the query that counts: ``metrics.gauge("flywheel_...", "What it is.", function)``.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from django.utils import timezone
from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.common.guards import missing_guards
from apps.common.jobs import status

logger = logging.getLogger(__name__)

Reading = float | int | None | Mapping[str, float | int]  # None: nothing to tell; a mapping: one number for each label


@dataclass(frozen=True)
class Gauge:
    name: str
    help: str
    read: Callable[[], Reading]
    label: str

    def collect(self) -> GaugeMetricFamily:
        reading = self.read()
        if isinstance(reading, Mapping):
            family = GaugeMetricFamily(self.name, self.help, labels=[self.label])
            for value, number in reading.items():
                family.add_metric([value], number)
            return family
        return GaugeMetricFamily(self.name, self.help, value=reading)


_gauges: dict[str, Gauge] = {}


def gauge(name: str, help: str, read: Callable[[], Reading], *, label: str = "") -> None:
    """Show what `read` returns, by one cheap query, under `name`; a mapping needs the name of its `label`."""
    if name in _gauges:
        raise ValueError(f"two gauges are called {name!r}")
    _gauges[name] = Gauge(name, help, read, label)


class _Gauges(Collector):
    """One number that cannot be read takes only itself away, and is counted."""

    def collect(self) -> Iterable[Metric]:
        failed = 0
        for one in _gauges.values():
            try:
                yield one.collect()
            except Exception:
                logger.exception("The gauge %s could not be read", one.name)
                failed += 1
        yield GaugeMetricFamily("flywheel_unreadable_gauges", "Gauges that could not be read.", value=failed)


def exposition() -> bytes:
    """All numbers in Prometheus' text format."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Gauges())
    return generate_latest(registry)


gauge("flywheel_queue_waiting_jobs", "Jobs that wait for a worker.", status.waiting_jobs)
gauge("flywheel_queue_running_jobs", "Jobs that were pulled and are not done.", status.running_jobs)
gauge("flywheel_queue_failed_jobs", "Recorded runs of jobs that raised.", status.failed_jobs)
gauge(
    "flywheel_queue_late_schedules",
    "Schedules whose time has passed.",
    lambda: status.late_schedules(now=timezone.now()),
)
gauge(
    "flywheel_worker_heartbeat_age_seconds",
    "Seconds since the worker's last heartbeat; absent if there was none.",
    lambda: status.heartbeat_age(now=timezone.now()),
)
gauge("flywheel_missing_guards", "Triggers that the database lacks.", lambda: len(missing_guards()))
