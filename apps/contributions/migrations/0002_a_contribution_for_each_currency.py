from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('contributions', '0001_initial')]

    operations = [
        migrations.RemoveConstraint(model_name='contribution', name='one_contribution_per_persona'),
        migrations.AddConstraint(
            model_name='contribution',
            constraint=models.UniqueConstraint(
                fields=('tester', 'persona', 'currency'), name='one_contribution_per_currency'
            ),
        ),
    ]
