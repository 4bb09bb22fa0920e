from apps.chat.services import erasing
from apps.chat.services.completions import Completion, complete_chat
from apps.chat.services.runs import run_task
from apps.chat.services.streaming import AnswerStream, stream_chat

__all__ = ["AnswerStream", "Completion", "complete_chat", "erasing", "run_task", "stream_chat"]
