from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('payouts', '0001_initial'), ('chat', '0004_share_rate_is_known')]

    operations = [
        migrations.AddField(
            model_name='revenueevent',
            name='share_rate',
            field=models.DecimalField(decimal_places=4, max_digits=5, null=True),
        ),
    ]
