from django.db import migrations
from django.db.models import Exists, OuterRef, Sum


def fill(apps, schema_editor):
    """What was earned in a currency that had no row, because a tester had one for each persona only."""
    Contribution, Transfer = apps.get_model('contributions', 'Contribution'), apps.get_model('payouts', 'Transfer')
    known = Contribution.objects.filter(
        tester=OuterRef('share__tester'), persona=OuterRef('revenue_day__persona'), currency=OuterRef('currency')
    )
    missing = Transfer.objects.filter(~Exists(known), purpose='share').order_by()
    columns = ('organization', 'share__tester', 'revenue_day__persona', 'currency')
    Contribution.objects.bulk_create(
        Contribution(
            organization_id=organization, tester_id=tester, persona_id=persona, currency=currency, earned_micros=earned
        )
        for organization, tester, persona, currency, earned in missing.values_list(*columns).annotate(
            Sum('amount_micros')
        )
    )


class Migration(migrations.Migration):

    dependencies = [
        ('payouts', '0004_days_are_closed_by_share_rate'),
        ('contributions', '0002_a_contribution_for_each_currency'),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
