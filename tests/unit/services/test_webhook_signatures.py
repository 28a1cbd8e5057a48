"""Which calls of a signed webhook are believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.services.webhook_signatures import REMEMBERED_SECS, WINDOW_SECS, prove, signature_of
from tocsin_shared.errors import Unauthorized

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
NOW = 1_800_000_000


def ours(timestamp: object = NOW, *, secret: str = SECRET, body: bytes = BODY) -> dict[str, str]:
    signature = signature_of(secret, f"{timestamp}.".encode() + body)
    return {"X-Tocsin-Timestamp": str(timestamp), "X-Tocsin-Signature": signature}


def test_githubs_own_example_is_believed() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert prove({"X-Hub-Signature-256": signature}, BODY, SECRET, now=NOW).remember_secs == REMEMBERED_SECS


def test_gitlabs_token_is_the_secret_itself() -> None:
    assert prove({"X-Gitlab-Token": SECRET}, BODY, SECRET, now=NOW).nonce is None
    named = {"X-Gitlab-Token": SECRET, "X-Gitlab-Event-UUID": "1"}
    assert prove(named, BODY, SECRET, now=NOW).nonce is not None


@given(st.integers(-2 * WINDOW_SECS, 2 * WINDOW_SECS))
def test_a_call_of_our_form_is_believed_within_its_window(off_secs: int) -> None:
    if abs(off_secs) <= WINDOW_SECS:
        assert prove(ours(NOW + off_secs), BODY, SECRET, now=NOW).nonce is not None
    else:
        with pytest.raises(Unauthorized):
            prove(ours(NOW + off_secs), BODY, SECRET, now=NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        ours(secret="another"),
        ours(body=b"other"),
        ours("x"),
        ours("-5"),
        ours("9" * 400),
        {"X-Tocsin-Signature": signature_of(SECRET, BODY)},
        {**ours(), "X-Tocsin-Timestamp": str(NOW + 1)},
        {"X-Hub-Signature-256": signature_of("another", BODY)},
        {"X-Hub-Signature-256": signature_of(SECRET, BODY)[:-1]},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": "é"},
        {"X-Gitlab-Token": "another"},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "\udcff"},
    ],
    ids=str,
)
def test_everything_else_is_refused_in_the_same_words(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized, match=r"^the signature is missing or wrong$"):
        prove(headers, BODY, SECRET, now=NOW)


def test_the_same_call_has_the_same_nonce_and_another_has_another() -> None:
    one, again, other = (prove(ours(t), BODY, SECRET, now=NOW).nonce for t in (NOW, NOW, NOW + 1))
    assert one == again != other
