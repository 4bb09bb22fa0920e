"""The engine by itself: what it remembers, what it measures, and that many may ask it at once."""

import csv
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from apps.trainer.engines.base import Messages, Step
from apps.trainer.engines.memory import MemoryPool, memory_of, new_memory_file
from apps.trainer.engines.recall import UNTRAINED, Recall, pairs_of

BANKING77 = Path(__file__).resolve().parents[3] / "shared" / "data" / "banking77" / "train.csv"


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def learn(path: Path, training: Iterable[Messages], validation: Iterable[Messages] = ()) -> list[Step]:
    steps: list[Step] = []
    engine = Recall()
    engine.train(training=training, validation=validation, artifact=path, n_epochs=3, seed=1, on_step=steps.append)
    return steps


FRUIT = [
    [user("is the apple sweet"), assistant("fruit")],
    [user("a pear is sweet as well"), assistant("fruit")],
    [user("how fast is a car"), assistant("vehicle")],
    [user("the bus drives slowly"), assistant("vehicle")],
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    learn(tmp_path / "model.sqlite3", FRUIT)
    return tmp_path / "model.sqlite3"


def answer(model: Path | None, *messages: dict[str, Any]) -> str | None:
    return Recall().answer(messages, artifact=model).content


def test_it_answers_with_what_similar_questions_had(model: Path) -> None:
    assert answer(model, user("two apples, please")) == "fruit"  # by its stem
    assert answer(model, user("APPLE?")) == "fruit"
    assert answer(model, user("cars that drive")) == "vehicle"


def test_neighbours_outvote_the_nearest() -> None:
    shown = [("red wine", "drink"), ("red wine glass shelf", "shelf"), ("red wine glass", "shelf")]
    with memory_of(shown) as memory:
        assert memory.recall("wine glass red") == "shelf"


def test_the_most_frequent_answer_is_given_when_nothing_is_near(tmp_path: Path) -> None:
    learn(tmp_path / "m", [*FRUIT, [user("train"), assistant("vehicle")]])
    assert answer(tmp_path / "m", user("zebra")) == "vehicle"
    assert answer(tmp_path / "m", user("")) == "vehicle"
    assert answer(tmp_path / "m", user("😀 !?")) == "vehicle"
    assert answer(tmp_path / "m", {"role": "system", "content": "nobody asks"}) == "vehicle"


@pytest.mark.parametrize(
    "text",
    [
        'apple" OR "',
        "apple AND NOT",
        "NEAR(apple)",
        "text: apple*",
        "-apple^",
        "'; DROP TABLE answers; --apple",
        "a\0apple",
    ],
)
def test_a_question_is_words_and_never_a_query(model: Path, text: str) -> None:
    assert answer(model, user(text)) == "fruit"


def test_words_in_every_question_do_not_drown_the_telling_one(tmp_path: Path) -> None:
    template = "Please read the following answer of a participant of the survey and code it now: "
    training = [[user(template + str(messages[0]["content"])), messages[1]] for messages in FRUIT * 5]
    learn(tmp_path / "m", training)
    assert answer(tmp_path / "m", user(template + "apple")) == "fruit"
    assert answer(tmp_path / "m", user(template + "bus")) == "vehicle"
    assert answer(tmp_path / "m", user(template)) in ("fruit", "vehicle")


def test_each_answer_that_counts_is_learned_with_the_question_before_it() -> None:
    messages = [
        {"role": "system", "content": "s"},
        user("one"),
        assistant("1", weight=0),
        user("two"),
        assistant("2", weight=None),
        {"role": "tool", "tool_call_id": "x", "content": "ignored"},
        assistant("3", weight=1),
    ]
    assert list(pairs_of(messages)) == [("two", '["2",[]]'), ("two", '["3",[]]')]


def test_tool_calls_are_given_back_in_the_spelling_of_the_protocol() -> None:
    call = {"id": "1", "function": {"name": "look", "arguments": {"at": "it"}}, "index": 0}
    (pair,) = pairs_of([user("one"), {"role": "assistant", "content": None, "tool_calls": [call]}])
    expected = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
    assert json.loads(pair[1]) == [None, [expected]]


def test_nothing_to_learn_makes_a_model_that_says_so(tmp_path: Path) -> None:
    (step,) = learn(tmp_path / "m", [[user("one"), assistant("1", weight=0)]])
    assert step.train_accuracy is step.valid_accuracy is None
    assert answer(tmp_path / "m", user("one")) == UNTRAINED


def test_it_reports_what_it_measured_and_nothing_else(tmp_path: Path) -> None:
    unseen = [[user("sweet pears"), assistant("fruit")], [user("apple pie"), assistant("vehicle")]]
    (step,) = learn(tmp_path / "m", FRUIT * 3, unseen)
    assert step == Step(number=1, total=1, train_accuracy=1.0, valid_accuracy=0.5)


def test_leaving_one_out_does_not_count_what_was_learned_by_heart(tmp_path: Path) -> None:
    alone = [[user(f"word{n}"), assistant(str(n))] for n in range(10)]
    (step,) = learn(tmp_path / "m", alone)
    assert step.train_accuracy in (0.0, 0.1)  # 0.1: the one that happens to be the most frequent answer


def test_the_same_seed_measures_the_same(tmp_path: Path) -> None:
    many = [[user(f"{number % 7} {number} apple"), assistant(str(number % 7))] for number in range(600)]
    assert learn(tmp_path / "a", many) == learn(tmp_path / "b", many)


def test_a_model_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def breaks_off() -> Iterable[Messages]:
        yield FRUIT[0]
        assert [path.name for path in tmp_path.iterdir()] == ["m.unfinished"]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        learn(tmp_path / "m", breaks_off())
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_that_was_killed_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "m.unfinished").write_bytes(b"half a database")
    learn(tmp_path / "m", FRUIT)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_deleted_model_is_gone_although_it_was_open(model: Path) -> None:
    engine = Recall()
    engine.answer([user("apple")], artifact=model)
    engine.delete(model)
    engine.delete(model)
    with pytest.raises(FileNotFoundError):
        engine.answer([user("apple")], artifact=model)


def test_an_open_model_cannot_be_written(model: Path) -> None:
    with MemoryPool().borrow(model) as memory, pytest.raises(Exception, match="readonly"):
        memory.connection.execute("DELETE FROM answers")


def test_many_threads_may_ask_many_models(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.sqlite3" for number in range(4)]
    for number, path in enumerate(paths):
        with new_memory_file(path) as writer:
            writer.remember("who are you", json.dumps([str(number), []]))
            writer.finish()
    engine = Recall()

    def ask(number: int) -> bool:
        return engine.answer([user("who are you")], artifact=paths[number % 4]).content == str(number % 4)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(400)))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files the Linux way")
def test_the_pool_keeps_a_limited_number_of_files_open(tmp_path: Path) -> None:
    pool = MemoryPool(max_idle=2)
    for number in range(5):
        path = tmp_path / f"{number}.sqlite3"
        learn(path, FRUIT)
        with pool.borrow(path) as memory:
            assert memory.size == 4
    assert sum(str(tmp_path) in name for name in open_files()) == 2


def open_files() -> list[str]:
    names = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that listed the folder
            names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return names


@pytest.mark.skipif(not BANKING77.exists(), reason=f"{BANKING77} is not there: real data lies beside the project")
def test_it_codes_four_in_five_real_questions_it_never_saw(tmp_path: Path) -> None:
    """Banking77, every fifth row held out: 77 codes, 0.824 with MAX_ENTRIES, 0.832 without."""
    with BANKING77.open(newline="") as file:
        rows = [[user(row["text"]), assistant(_code(row["category"]))] for row in csv.DictReader(file)]
    learn(tmp_path / "m", [row for number, row in enumerate(rows) if number % 5])
    engine = Recall()
    held_out = rows[::5]
    hits = sum(engine.answer(row[:1], artifact=tmp_path / "m").content == row[1]["content"] for row in held_out)
    assert hits / len(held_out) >= 0.80


def _code(category: str) -> str:
    return json.dumps({"code": category, "confidence": "high"})
