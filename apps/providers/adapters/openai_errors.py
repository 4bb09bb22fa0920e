"""What an exception of the `openai` SDK means: may the same call succeed later, and what should a person do?"""

from dataclasses import dataclass

import openai

from apps.common.errors import ProviderError
from apps.providers.adapters import reading

# A 429 is a rate limit, unless its code says that money has run out.
OUT_OF_MONEY = {"insufficient_quota", "billing_hard_limit_reached", "exceeded_quota", "billing_not_active"}
TEMPORARY_STATUSES = {408, 409, 425, 429}


@dataclass(frozen=True)
class _Meaning:
    code: str
    message: str
    resolution: str


TIMED_OUT = _Meaning(
    "provider_timeout", "The provider did not answer in time.", "It is tried again; nothing needs to be done."
)
UNREACHABLE = _Meaning(
    "provider_unreachable",
    "The provider could not be reached, or broke off its answer.",
    "It is tried again. If it stays so, check the base URL and the network.",
)
NO_MONEY = _Meaning(
    "insufficient_quota", "The provider account has run out of credit.", "Add credit at the provider, then start again."
)
OF_STATUS = {
    401: _Meaning("invalid_provider_key", "The provider refused the key.", "Put a valid key into the credential."),
    403: _Meaning(
        "provider_refused",
        "The provider does not allow this account to do that.",
        "Check at the provider that this account may use the model and start fine-tuning jobs.",
    ),
    404: _Meaning(
        "not_found_at_provider",
        "The provider does not know the model, file or job.",
        "Check the model's name, and whether it was deleted at the provider.",
    ),
    429: _Meaning(
        "provider_rate_limit", "The provider's rate limit is reached.", "It is tried again; nothing needs to be done."
    ),
}
OTHER_REFUSAL = _Meaning("provider_refused", "The provider refused the request.", "Change what its message names.")
UNSENDABLE = _Meaning(
    "unsendable_request",
    "The request could not be written: its key or a text holds characters that cannot be sent.",
    "Enter the key again, as the provider shows it.",
)
BROKEN = _Meaning("provider_failed", "The provider failed.", "It is tried again; nothing needs to be done.")


def as_provider_error(error: Exception) -> ProviderError:
    """The ProviderError for what the SDK, or the HTTP library beneath it, raised."""
    if isinstance(error, openai.APITimeoutError):
        return _error(TIMED_OUT, temporary=True)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, UnicodeError):
        return _error(UNSENDABLE, temporary=False)
    if isinstance(error, openai.APIConnectionError) or not isinstance(error, openai.OpenAIError):
        return _error(UNREACHABLE, temporary=True)
    return _error(OTHER_REFUSAL, temporary=False, said=str(error))


def _of_status(error: openai.APIStatusError) -> ProviderError:
    status = error.status_code
    said = reading.text(reading.mapping(error.body).get("message"), limit=500)
    if error.code in OUT_OF_MONEY:
        return _error(NO_MONEY, temporary=False, said=said)
    temporary = status >= 500 or status in TEMPORARY_STATUSES
    meaning = OF_STATUS.get(status, BROKEN if temporary else OTHER_REFUSAL)
    return _error(meaning, temporary=temporary, said=said, param=reading.text(error.param, limit=100) or None)


def _error(meaning: _Meaning, *, temporary: bool, said: str = "", param: str | None = None) -> ProviderError:
    """Our sentence, then the provider's own words: people need both."""
    message = f"{meaning.message} It says: {said}" if said else meaning.message
    return ProviderError(message, temporary=temporary, resolution=meaning.resolution, code=meaning.code, param=param)
