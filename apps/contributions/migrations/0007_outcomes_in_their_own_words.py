from django.db import migrations

# What feedback was called, and what it says of the answer: outcome, thumbs up, thumbs down.
SAID = {
    'approved': ('accepted', 1, 0),
    'edited': ('accepted_with_edits', 0, 0),
    'rejected': ('rejected', 0, 1),
    'regenerated': ('regenerated', 0, 1),
}


def fill(apps, schema_editor):
    """Outcomes get their own words, and their thumbs; `manage.py recompute_quality` then rates the examples by them."""
    unknown = apps.get_model('contributions', 'TrainingExample').objects.filter(approvals=0, rejections=0)
    for word, (outcome, approvals, rejections) in SAID.items():
        unknown.filter(outcome=word).update(outcome=outcome, approvals=approvals, rejections=rejections)


class Migration(migrations.Migration):

    dependencies = [('contributions', '0006_import_files_of_examples')]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
