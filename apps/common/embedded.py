"""Keys of the embedded trainer: one account per organization, no table, nothing to configure.

The key names its account and carries a signature over it, so that the side which calls and the side which serves
need to share nothing but SECRET_KEY.
"""

from django.core.signing import BadSignature, Signer

PREFIX = "sk-trainer-"
_signer = Signer(salt="flywheel.trainer", sep=".")  # a slug holds no dot


def mint_trainer_key(*, account: str) -> str:
    """The bearer key of `account`, a lower-case slug."""
    return PREFIX + _signer.sign(account)


def read_trainer_account(*, key: str) -> str | None:
    """The account a key was minted for; None if the key is not ours."""
    prefix, signed = key[: len(PREFIX)], key[len(PREFIX) :]
    try:
        return _signer.unsign(signed) if prefix == PREFIX else None
    except BadSignature:
        return None
