"""The trainer: learning 10,000 examples, and one answer through the whole stack in process.

Prints ratios: to merely parsing the training file, and to the cheapest call the same stack answers. The times beside
them are the machine's; they are held against what the project states.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
FOLDER = tempfile.TemporaryDirectory()
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
os.environ["DATABASE_URL"] = f"sqlite:///{FOLDER.name}/bench.sqlite3"
os.environ["MEDIA_ROOT"] = f"{FOLDER.name}/media"

import django  # noqa: E402 - the environment comes first

django.setup()

import httpx2  # noqa: E402
import openai  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import get_internal_wsgi_application  # noqa: E402

from apps.common.embedded import mint_trainer_key  # noqa: E402
from apps.common.jobs import drain  # noqa: E402
from bench import limits  # noqa: E402

EXAMPLES = 10_000
SECONDS_TO_TRAIN = 10
MS_TO_ANSWER = 20
CALLS = 200
SYSTEM = "You code the questions of a bank's customers by the codebook below. " * 18  # 1.2 KB, as a codebook is
SUBJECTS = ("card", "account", "transfer", "top-up", "cash", "rate", "fee", "refund", "pin", "app", "limit", "passport")
VERBS = ("lost", "stolen", "declined", "pending", "missing", "wrong", "late", "blocked", "charged", "failed", "refused")
FILLERS = ("please", "today", "again", "why", "how", "can", "you", "my", "the", "is", "it", "abroad", "help", "still")


def main() -> None:
    settings.VAR_DIR = Path(FOLDER.name)
    call_command("migrate", verbosity=0)
    client = openai.OpenAI(
        api_key=mint_trainer_key(account="bench"),
        base_url=f"https://{settings.EMBEDDED_HOST}/trainer/v1",
        http_client=openai.DefaultHttpx2Client(transport=httpx2.WSGITransport(app=get_internal_wsgi_application())),
    )
    content = "\n".join(json.dumps(example(number)) for number in range(EXAMPLES)).encode()
    parsing = seconds_of(lambda: [json.loads(line) for line in content.splitlines()])
    file = client.files.create(file=("train.jsonl", content), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="recall-1", training_file=file.id)
    training = seconds_of(drain)
    model = client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model
    assert model, "the job did not succeed"
    print(
        f"validate and train {EXAMPLES:,} examples: {training / parsing:.0f} x parsing the file "
        f"({len(content) / 1e6:.0f} MB)"
    )
    limits.compare("  time to train", training, SECONDS_TO_TRAIN, "s")

    look = median_ms(lambda _: client.models.retrieve("recall-1"))
    answer = median_ms(lambda number: client.chat.completions.create(model=model, messages=question(number)))
    print(f"one answer, SDK included: {answer / look:.1f} x looking up a model ({look:.1f} ms)")
    limits.compare("  median time to answer", answer, MS_TO_ANSWER, "ms")
    limits.leave()


def example(number: int) -> dict[str, object]:
    subject, verb = SUBJECTS[number % 12], VERBS[number // 12 % 11]
    return {"messages": [*question(number), {"role": "assistant", "content": f'{{"code": "{subject}_{verb}"}}'}]}


def question(number: int) -> list[dict[str, str]]:
    fillers = [FILLERS[number * step % len(FILLERS)] for step in (1, 5, 7, 11, 13)]
    words = [*fillers[:3], SUBJECTS[number % 12], *fillers[3:], VERBS[number // 12 % 11], str(number)]
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": " ".join(words)}]


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_ms(call: Callable[[int], object]) -> float:
    call(0)
    return 1000 * statistics.median(seconds_of(lambda n=number: call(n)) for number in range(CALLS))


if __name__ == "__main__":
    main()
