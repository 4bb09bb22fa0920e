from django.db import migrations
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from apps.common.guards import guards_lifted


def fill(apps, schema_editor):
    """Events of a closed day get the rate that it was shared at, or it would be closed again; open ones their answer's.

    An answer then has the rate of its event: what was paid is what was agreed.
    """
    RevenueDay, RevenueEvent = apps.get_model('payouts', 'RevenueDay'), apps.get_model('payouts', 'RevenueEvent')
    Response = apps.get_model('chat', 'Response')
    closed = RevenueDay.objects.annotate(version=Coalesce('custom_model_id', 0)).filter(
        persona=OuterRef('persona'),
        version=Coalesce(OuterRef('custom_model_id'), 0),
        day=OuterRef('day'),
        currency=OuterRef('currency'),
    )
    answers = Response.objects.filter(pk=OuterRef('response'))
    with guards_lifted('payouts_revenueevent'), guards_lifted('responses'):
        RevenueEvent.objects.update(
            share_rate=Coalesce(Subquery(closed.values('share_rate')[:1]), Subquery(answers.values('share_rate')))
        )
        events = RevenueEvent.objects.filter(response=OuterRef('pk'))
        Response.objects.filter(Exists(events.exclude(share_rate=OuterRef('share_rate')))).update(
            share_rate=Subquery(events.values('share_rate'))
        )


class Migration(migrations.Migration):

    dependencies = [('payouts', '0002_revenueevent_share_rate')]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
