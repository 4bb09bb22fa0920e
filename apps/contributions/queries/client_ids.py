from apps.common.ids import content_hash


def tombstone_of(*, persona: int, client_id: str) -> str:
    """What stands for a sender's id once its example was withdrawn: it tells whether an id is sent again, and no id,
    which may be somebody's address. Of one persona alone, so that nobody can send it beforehand."""
    return f"withdrawn:{content_hash([persona, client_id])[:40]}"
