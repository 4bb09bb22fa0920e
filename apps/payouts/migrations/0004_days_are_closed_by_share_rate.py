from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('payouts', '0003_fill_share_rate')]

    operations = [
        migrations.AlterField(
            model_name='revenueevent',
            name='share_rate',
            field=models.DecimalField(decimal_places=4, max_digits=5),
        ),
        migrations.RemoveConstraint(model_name='revenueday', name='day_closed_once'),
        migrations.RemoveConstraint(model_name='revenueday', name='base_day_closed_once'),
        migrations.AddConstraint(
            model_name='revenueday',
            constraint=models.UniqueConstraint(
                fields=('persona', 'custom_model', 'day', 'currency', 'share_rate'), name='day_closed_once'
            ),
        ),
        migrations.AddConstraint(
            model_name='revenueday',
            constraint=models.UniqueConstraint(
                condition=models.Q(('custom_model', None)),
                fields=('persona', 'day', 'currency', 'share_rate'),
                name='base_day_closed_once',
            ),
        ),
    ]
