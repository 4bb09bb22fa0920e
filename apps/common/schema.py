"""How the API describes itself."""

import re
from inspect import cleandoc
from typing import Any

from drf_spectacular.openapi import AutoSchema

FIRST_SENTENCE = re.compile(r"(.+?)\.(?:\s+|$)(.*)", re.DOTALL)


class WordsForCallers(AutoSchema):
    """A summary of one line and a description for each operation.

    Lists and single rows are called by their model; anything else by the first sentence of its docstring. Texts are the
    action's own docstring or that of its view's own class: what a class inherits is written for us.
    """

    def get_summary(self) -> str:
        model = getattr(getattr(self.view, "queryset", None), "model", None)
        if model and self._action == "list":
            return f"List {model._meta.verbose_name_plural}"
        if model and self._action == "retrieve":
            name = str(model._meta.verbose_name)
            return f"Retrieve {'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
        return self._sentences[0]

    def get_description(self) -> str:  # type: ignore[override]
        first, rest = self._sentences
        return rest if self.get_summary() == first else self._text

    @property
    def _action(self) -> str:
        return str(getattr(self.view, "action", None) or self.method.lower())

    @property
    def _text(self) -> str:
        action = getattr(self.view, self._action, None)
        return cleandoc(getattr(action, "__doc__", None) or vars(type(self.view)).get("__doc__") or "")

    @property
    def _sentences(self) -> tuple[str, str]:
        """The first, on one line and without its full stop, and the rest."""
        found = FIRST_SENTENCE.match(self._text)
        return (" ".join(found[1].split()), found[2]) if found else (self._text, "")


def only_our_api(endpoints: list[tuple[str, str, str, Any]], **_kwargs: Any) -> list[tuple[str, str, str, Any]]:
    """The schema describes /api/ and the gateway under /v1/; the trainer's protocol has a published description."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(("/api/", "/v1/"))]
