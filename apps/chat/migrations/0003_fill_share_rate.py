from django.db import migrations
from django.db.models import OuterRef, Subquery

from apps.common.guards import guards_lifted


def fill(apps, schema_editor):
    """Older answers get the persona's rate of today; payouts.0003 corrects those that were shared at another one."""
    Persona, Response = apps.get_model('personas', 'Persona'), apps.get_model('chat', 'Response')
    of_persona = Persona.objects.filter(pk=OuterRef('persona')).values('revenue_share_rate')
    with guards_lifted('responses'):
        Response.objects.update(share_rate=Subquery(of_persona))


class Migration(migrations.Migration):

    dependencies = [('chat', '0002_response_share_rate'), ('personas', '0001_initial')]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
