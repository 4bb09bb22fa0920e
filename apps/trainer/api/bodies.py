"""Request bodies, checked: typed objects from here on, and an error that names the field for the rest."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import ErrorDetails

from apps.common.errors import InvalidInput
from apps.trainer.services.chat import ChatRequest
from apps.trainer.services.jobs import NewJob

B = TypeVar("B", bound=BaseModel)
Auto = Literal["auto"]
Id = Annotated[str, Field(min_length=1, max_length=40)]


class Body(BaseModel):
    """Fields that the protocol has and no engine here needs are taken and left unused."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Hyperparameters(Body):
    n_epochs: Auto | Annotated[int, Field(ge=1, le=50)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=256)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, allow_inf_nan=False)] = "auto"


class Supervised(Body):
    hyperparameters: Hyperparameters | None = None


class Method(Body):
    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None


class JobBody(Body):
    model: Annotated[str, Field(max_length=100)]
    training_file: Id
    validation_file: Id | None = None
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None  # the deprecated place
    integrations: Annotated[list[Any], Field(max_length=0)] | None = None
    metadata: (
        Annotated[
            dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
        ]
        | None
    ) = None


class CalledFunction(Body):
    name: str


class ToolCall(Body):
    id: str
    function: CalledFunction


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None


class StreamOptions(Body):
    include_usage: StrictBool = False


class ChatBody(Body):
    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None  # a second answer would be the same
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    modalities: list[Literal["text"]] | None = None
    tools: list[dict[str, Any]] | None = None


def read_new_job(data: dict[str, Any]) -> NewJob:
    body = _read(JobBody, data)
    method = body.method
    if method and method.type != "supervised":
        raise InvalidInput(
            f"{body.model} does not support the method '{method.type}': it learns from answers, not from preferences.",
            resolution="Use the method 'supervised'.",
            param="method.type",
            code="unsupported_method",
        )
    given = (method.supervised and method.supervised.hyperparameters) if method else None
    hyperparameters = given or body.hyperparameters or Hyperparameters()
    return NewJob(
        model=body.model,
        training_file=body.training_file,
        validation_file=body.validation_file or "",
        suffix=body.suffix or "",
        seed=body.seed,
        hyperparameters=hyperparameters.model_dump(),
        metadata=body.metadata or {},
    )


def read_chat(data: dict[str, Any]) -> tuple[ChatBody, ChatRequest]:
    """How to answer (streamed, with usage), and what to answer."""
    body = _read(ChatBody, data)
    stop = [body.stop] if isinstance(body.stop, str) else body.stop or []
    request = ChatRequest(
        model=body.model,
        messages=data["messages"],
        tools=body.tools,
        stop=stop,
        max_tokens=body.max_completion_tokens or body.max_tokens,
    )
    return body, request


def _read(kind: type[B], data: dict[str, Any]) -> B:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        param = _param_of(problems[0], data)
        # Each branch of a union has its own problem with the same field; people need all of them.
        texts = dict.fromkeys(problem["msg"].lower() for problem in problems if _param_of(problem, data) == param)
        raise InvalidInput(
            f"Invalid value for '{param}': {', or '.join(texts)}.",
            param=param,
            code="missing_required_parameter" if problems[0]["type"] == "missing" else "invalid_value",
        ) from None


def _param_of(error: ErrorDetails, data: dict[str, Any]) -> str:
    """``messages[0].role``: the part of pydantic's path that exists in the data; the rest names branches of unions."""
    param = ""
    value: Any = data
    for step in error["loc"]:
        if isinstance(value, list) and isinstance(step, int):
            param, value = f"{param}[{step}]", value[step]
        elif isinstance(value, dict) and (step in value or error["type"] == "missing"):
            param, value = f"{param}.{step}".lstrip("."), value.get(step)
    return param
