import pytest
from django.db import close_old_connections, connection, transaction

from apps.common.database import connection_kept_open
from apps.common.models import Heartbeat
from tests.factories import NOW


@pytest.mark.django_db(transaction=True)
def test_a_transaction_survives_a_unit_of_work_inside_it() -> None:
    with transaction.atomic():
        Heartbeat.objects.create(name="worker", at=NOW)
        with connection_kept_open():
            close_old_connections()
            with connection_kept_open():
                close_old_connections()
            close_old_connections()
    assert Heartbeat.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_it_the_transaction_is_lost() -> None:
    """So that the test above proves something."""
    with pytest.raises(Exception, match="closed"), transaction.atomic():  # noqa: PT012  the last line raises
        Heartbeat.objects.create(name="worker", at=NOW)
        close_old_connections()
        Heartbeat.objects.count()
    connection.close()
    assert Heartbeat.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_afterwards_connections_are_closed_as_ever() -> None:
    Heartbeat.objects.count()
    with pytest.raises(ValueError, match="inside"), connection_kept_open():
        raise ValueError("inside")
    connection.close_at = 0.0
    close_old_connections()
    assert connection.connection is None
