"""What `make bench` says about the stated speeds."""

import pytest

from bench import limits


@pytest.mark.parametrize(
    ("seconds", "said", "code"),
    [(29.0, "within its limit of 60 s", 0), (61.0, "over its limit of 60 s", 0), (121.0, "over its limit of 60 s", 1)],
)
def test_what_is_far_over_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float, said: str, code: int
) -> None:
    monkeypatch.setattr(limits, "_far_over", [])
    limits.compare("the whole turn", seconds, 60, "s")
    assert capsys.readouterr().out == f"the whole turn: {seconds} s, {said}\n"
    with pytest.raises(SystemExit) as caught:
        limits.leave()
    assert caught.value.code == ("far over the limit: the whole turn" if code else 0)  # a text is exit code 1
