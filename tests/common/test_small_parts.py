"""Ids, hashes, the registry, the trainer's keys and the pages of the API."""

from dataclasses import dataclass

import pytest
from django.test import override_settings
from django.urls import Resolver404, resolve, reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from apps.common.embedded import mint_trainer_key, read_trainer_account
from apps.common.errors import InvalidInput
from apps.common.ids import ALPHABET, canonical_json, content_hash, is_row_id, new_id, sha256
from apps.common.models import Heartbeat
from apps.common.pagination import NewestFirst
from apps.common.registry import Registry
from tests.factories import NOW

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_new_ids_are_long_lower_case_and_never_the_same() -> None:
    ids = {new_id("resp_") for _ in range(1000)}
    assert len(ids) == 1000
    for one in ids:
        assert len(one) == 5 + 24
        assert set(one.removeprefix("resp_")) <= set(ALPHABET)


@pytest.mark.parametrize(
    ("text", "is_id"),
    [("1", True), ("9" * 18, True), *((text, False) for text in ("9" * 19, "", "-1", "1 ", "1\n", "٣"))],
)
def test_what_may_be_the_id_of_a_row(text: str, is_id: bool) -> None:
    assert is_row_id(text) is is_id


def test_an_address_with_what_is_no_id_is_no_address() -> None:
    assert reverse("earnings_share", kwargs={"pk": 7}).endswith("/7/")
    assert resolve("/earnings/shares/7/").kwargs == {"pk": 7}
    with pytest.raises(Resolver404):
        resolve(f"/earnings/shares/{'9' * 19}/")


@given(st.dictionaries(st.text(), json_values))
def test_equal_content_has_one_spelling_and_one_hash(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)
    assert content_hash(backwards) == content_hash(value)


def test_a_content_hash_is_keyed_and_a_file_hash_is_not() -> None:
    plain = content_hash({"text": "hello"})
    with override_settings(CONTENT_HASH_KEY="another"):
        assert content_hash({"text": "hello"}) != plain
    assert len(plain) == 64
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_lone_surrogates_do_not_stop_a_hash() -> None:
    assert content_hash("\ud800") != content_hash("\ud801")


@dataclass(frozen=True)
class Plugin:
    name: str


def test_a_registry_finds_refuses_doubles_and_keeps_order() -> None:
    registry: Registry[Plugin] = Registry("rail")
    first, second = registry.register(Plugin("csv")), registry.register(Plugin("sepa"))
    assert list(registry) == [first, second]
    assert registry.get("sepa") is second
    assert "csv" in registry
    assert "cash" not in registry
    with pytest.raises(ValueError, match="two rail plug-ins are called 'csv'"):
        registry.register(Plugin("csv"))
    with pytest.raises(InvalidInput, match=r"There is no rail called 'cash'\. Choose one of: csv, sepa\."):
        registry.get("cash")


def test_a_trainer_key_names_its_account_and_cannot_be_made_up() -> None:
    key = mint_trainer_key(account="acme")
    assert key.startswith("sk-trainer-acme.")
    assert read_trainer_account(key=key) == "acme"
    for wrong in ("", "sk-trainer-", "sk-trainer-acme", key[:-1], key.replace("acme", "other"), "sk-proj-abc"):
        assert read_trainer_account(key=wrong) is None
    assert read_trainer_account(key=key.removeprefix("sk-trainer-")) is None


@pytest.mark.django_db
def test_pages_are_newest_first_bounded_and_complete() -> None:
    Heartbeat.objects.bulk_create(Heartbeat(name=f"worker {n}", at=NOW) for n in range(7))
    pages, query = [], {"page_size": "3"}
    while True:
        paginator = NewestFirst()
        request = Request(APIRequestFactory().get("/", query))
        pages.append([row.name for row in paginator.paginate_queryset(Heartbeat.objects.all(), request) or []])
        if not (link := paginator.get_next_link()):
            break
        query = {"page_size": "3", "cursor": link.partition("cursor=")[2].partition("&")[0].replace("%3D", "=")}
    assert pages == [
        ["worker 6", "worker 5", "worker 4"],
        ["worker 3", "worker 2", "worker 1"],
        ["worker 0"],
    ]
    assert NewestFirst().get_page_size(Request(APIRequestFactory().get("/", {"page_size": "100000"}))) == 500
