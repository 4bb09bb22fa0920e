from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.trainer import queries
from apps.trainer.api.http import answer_json, endpoint
from apps.trainer.api.objects import base_model_object, model_object
from apps.trainer.engines import BY_BASE_MODEL, ENGINES
from apps.trainer.models import Account
from apps.trainer.services import models


def _list(_request: HttpRequest, account: Account) -> HttpResponseBase:
    own = [model_object(model) for model in queries.list_models(account=account.name)]
    return answer_json({"object": "list", "data": [base_model_object(engine) for engine in ENGINES] + own})


def _retrieve(_request: HttpRequest, account: Account, name: str) -> HttpResponseBase:
    if name in BY_BASE_MODEL:
        return answer_json(base_model_object(BY_BASE_MODEL[name]))
    return answer_json(model_object(queries.find_model(account=account.name, name=name)))


def _delete(_request: HttpRequest, account: Account, name: str) -> HttpResponseBase:
    models.delete_model(name=name, by=account)
    return answer_json({"id": name, "object": "model", "deleted": True})


collection = endpoint(get=_list)
item = endpoint(get=_retrieve, delete=_delete)
