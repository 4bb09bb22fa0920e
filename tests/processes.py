"""Processes of their own that tests start: they find in their environment what the test says, and nothing else."""

import os
from urllib.parse import quote

from django.db import connection

KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def environment(**settings: str) -> dict[str, str]:
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, "ENV_FILE": os.devnull, **settings}


def database_url() -> str:
    """The test's own database, as another process is to find it."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    user, password = quote(facts["USER"] or ""), quote(facts["PASSWORD"] or "")
    return f"postgres://{user}:{password}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"
