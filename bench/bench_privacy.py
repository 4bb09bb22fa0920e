"""The anonymiser: how much of what is personal it finds, and how fast.

Recall and precision are measured on the sentences in `apps/contributions/detectors/measured/`; `--write` stores the
figures that staff read before anything leaves. Speed is CPU time on one core for texts of 300 characters, beside
reading and writing the same texts as JSON in the same run: the ratio is what to compare between machines.
"""

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

from apps.contributions.detectors import Kind, KnownValue, KnownValues, anonymise
from apps.contributions.detectors.measuring import (
    HELD_OUT,
    measure,
    read_set,
    write_figures,
)
from bench import limits

SAMPLE = Path(__file__).resolve().parents[1] / "apps" / "contributions" / "sample" / "bank_questions.csv"
TEXTS = 600
REPEATS = 9  # the best counts: whatever else the machine does only makes it slower
CHARACTERS = 300
EXAMPLES_A_SECOND = 5_000  # promised of one core
KNOWN = 10_000


def main() -> None:
    if "--write" in sys.argv:
        write_figures()
    print_figures(measure())
    anonymise(["Anna Weber"])  # loads the gazetteer
    plain, hard, personal = questions(), sentences(is_personal=False), sentences(is_personal=True)
    report("questions to a bank", mixed(plain, personal, every=0))
    typical = report("a personal sentence in every third of them", mixed(plain, personal, every=3))
    report("nothing personal, but much that looks so", mixed(hard, hard, every=0))
    report("nothing but personal sentences", mixed(personal, personal, every=1))
    started = time.process_time()
    known = KnownValues(KnownValue(Kind.PERSON, f"Qa{number:05} Zu{number:05}") for number in range(KNOWN))
    print(f"compiling {KNOWN:,} known values: {time.process_time() - started:.2f} s")
    report(f"the same, {KNOWN:,} known values", mixed(plain, personal, every=3), known=known)
    limits.compare("a text with a personal sentence in every third", 1e6 / typical, 1e6 / EXAMPLES_A_SECOND, "µs")
    limits.leave()


def print_figures(measured: dict[str, Any]) -> None:
    for part, figures in measured.items():
        print(f"{part}: {figures['texts']} texts")
        for name in [*Kind, "all"]:
            recall, precision = figures["recall"][name], figures["precision"][name]
            print(f"  {name:10} recall {in_words(recall)}   precision {in_words(precision)}")


def in_words(share: dict[str, Any]) -> str:
    if not share["n"]:
        return "nothing to measure"
    return f"{share['share']:.3f} [{share['low']:.3f}, {share['high']:.3f}] of {share['n']:3}"


def questions() -> Iterator[str]:
    """The questions of the sample data: as customers write, with nothing personal in them."""
    with SAMPLE.open(encoding="utf-8") as file:
        return cycle([row["text"] for row in csv.DictReader(file)])


def sentences(*, is_personal: bool) -> Iterator[str]:
    """Sentences of the measured set, with or without personal data, over and over."""
    chosen = [
        text
        for conversation in read_set(HELD_OUT)
        for text, spans in zip(conversation.texts, conversation.spans, strict=True)
        if bool(spans) == is_personal
    ]
    return cycle(chosen)


def mixed(plain: Iterator[str], personal: Iterator[str], *, every: int) -> list[str]:
    """Texts of 300 characters out of plain sentences; each `every`-th begins with a personal one."""
    texts = []
    for number in range(TEXTS):
        text = next(personal) if every and number % every == 0 else next(plain)
        while len(text) < CHARACTERS:
            text += " " + next(plain)
        texts.append(text[:CHARACTERS])
    return texts


def report(what: str, texts: list[str], *, known: KnownValues | None = None) -> float:
    """Examples a second; printed with how many times as long as JSON it takes."""
    lines = [json.dumps({"text": text}) for text in texts]
    baseline = min(timed(lambda: [json.dumps(json.loads(line)) for line in lines]) for _ in range(REPEATS))
    seconds = min(
        timed(lambda: [anonymise([text], known=known or KnownValues()) for text in texts]) for _ in range(REPEATS)
    )
    rate = len(texts) / seconds
    print(f"{what}: {rate:,.0f} examples/s, {seconds / baseline:.1f} x reading and writing JSON ({seconds:.2f} s)")
    return rate


def timed(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
