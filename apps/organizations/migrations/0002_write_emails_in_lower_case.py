from django.db import migrations
from django.db.models.functions import Lower


def write_in_lower_case(apps, schema_editor):
    """Stops at the first address that two people have in different case: which of them stays is for staff to decide."""
    User = apps.get_model('organizations', 'User')
    for user in User.objects.exclude(email=Lower('email')).order_by('pk'):
        email = user.email.strip().lower()
        other = User.objects.filter(email__iexact=email).exclude(pk=user.pk).first()
        if other is not None:
            raise RuntimeError(f'Users {user.pk} and {other.pk} have the same address. Give one of them another.')
        User.objects.filter(pk=user.pk).update(email=email)


class Migration(migrations.Migration):

    dependencies = [('organizations', '0001_initial')]

    operations = [migrations.RunPython(write_in_lower_case, migrations.RunPython.noop)]
