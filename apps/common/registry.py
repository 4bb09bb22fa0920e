"""A registry of plug-ins: register by name, refuse duplicates, iterate in order of registration."""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from apps.common.errors import InvalidInput


class Named(Protocol):
    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)


class Registry(Generic[P]):
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._plugins: dict[str, P] = {}

    def register(self, plugin: P) -> P:
        if plugin.name in self._plugins:
            raise ValueError(f"two {self.kind} plug-ins are called {plugin.name!r}")
        self._plugins[plugin.name] = plugin
        return plugin

    def get(self, name: str) -> P:
        """The plug-in of that name; InvalidInput, naming the ones there are, if there is none."""
        try:
            return self._plugins[name]
        except KeyError:
            raise InvalidInput(
                f"There is no {self.kind} called {name!r}.", resolution=f"Choose one of: {', '.join(self._plugins)}."
            ) from None

    def __iter__(self) -> Iterator[P]:
        return iter(self._plugins.values())

    def __contains__(self, name: object) -> bool:
        return name in self._plugins
