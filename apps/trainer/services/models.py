from django.db import transaction

from apps.common import audit
from apps.common.errors import NotAllowed
from apps.trainer import queries
from apps.trainer.engines import BY_BASE_MODEL
from apps.trainer.models import Account, TrainerModel


def delete_model(*, name: str, by: Account) -> None:
    """Remove a fine-tuned model for good; NotFound when it is gone or someone else's."""
    if name in BY_BASE_MODEL:
        raise NotAllowed(f"{name} is a base model and cannot be deleted.", code="model_not_deletable", param="model")
    model = queries.find_model(account=by.name, name=name)
    with transaction.atomic():
        deleted, _ = TrainerModel.objects.filter(pk=model.pk).delete()
        if not deleted:
            raise queries.no_such_model(name)
        audit.record("deleted", by=by, target=model, model=name)
        engine = queries.find_engine(base_model=model.base_model)
        transaction.on_commit(lambda: engine.delete(model.path))
