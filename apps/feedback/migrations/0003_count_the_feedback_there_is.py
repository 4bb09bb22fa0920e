from typing import Any

from django.db import migrations


def count_samples(apps: Any, _schema_editor: Any) -> None:
    """Tallies of versions need no such step: the first feedback on a version that has none derives it."""
    feedback = apps.get_model("feedback", "ModelFeedback").objects
    for policy in apps.get_model("feedback", "RetrainingPolicy").objects.all():
        policy.feedback_count = feedback.filter(response__persona=policy.persona_id).count()
        policy.save(update_fields=["feedback_count"])


class Migration(migrations.Migration):
    dependencies = [("feedback", "0002_count_feedback_as_it_comes")]

    operations = [migrations.RunPython(count_samples, migrations.RunPython.noop)]
