from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('chat', '0003_fill_share_rate')]

    operations = [
        migrations.AlterField(
            model_name='response',
            name='share_rate',
            field=models.DecimalField(decimal_places=4, max_digits=5),
        ),
    ]
