"""The one family of errors that people see: a code for programs, a message, and what to do next.

DRF renders them as ``{"error": {"code", "message", "param", "resolution"}}``, the OpenAI-shaped endpoints in OpenAI's
shape, and admin shows ``str(error)``.
"""


class FlywheelError(Exception):
    """An error with a way out. Subclasses say what kind it is by their HTTP status; raisers say the rest."""

    status = 400
    default_code = "invalid_request"

    def __init__(self, message: str, *, resolution: str = "", code: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.resolution = resolution
        self.code = code or self.default_code
        self.param = param

    def __str__(self) -> str:
        return f"{self.message} {self.resolution}".strip()


class InvalidInput(FlywheelError):
    """What was sent cannot be used as it is."""


class NotAuthenticated(FlywheelError):
    status = 401
    default_code = "not_authenticated"


class NotAllowed(FlywheelError):
    """The caller is known and may not do this."""

    status = 403
    default_code = "not_allowed"


class NotFound(FlywheelError):
    """It does not exist, or it belongs to someone else: callers cannot tell which."""

    status = 404
    default_code = "not_found"


class Conflict(FlywheelError):
    """Right in itself, but not in the state things are in."""

    status = 409
    default_code = "conflict"


class TooLarge(FlywheelError):
    status = 413
    default_code = "too_large"


class LimitReached(FlywheelError):
    """A plan, a budget or a rate says no."""

    status = 429
    default_code = "limit_reached"


class ProviderError(FlywheelError):
    """A provider refused, failed or answered something unusable.

    ``temporary`` is the one thing retries follow from: True means the same call may succeed later.
    """

    status = 502
    default_code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        temporary: bool,
        resolution: str = "",
        code: str = "",
        param: str | None = None,
    ) -> None:
        super().__init__(message, resolution=resolution, code=code, param=param)
        self.temporary = temporary
