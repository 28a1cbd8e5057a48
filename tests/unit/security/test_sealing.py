"""What is sealed opens with its key and in its place, and nowhere else."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.security.key_error import EncryptionKeyError
from tocsin_controller.security.sealing import CannotUnseal, SealingKey, Vault, key_id_of, new_key, parse_keys
from tocsin_shared.errors import InvalidInput

KEYS = [SealingKey(bytes([number]) * 32) for number in range(3)]
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_what_was_sealed_opens_again(text: str) -> None:
    vault = Vault(KEYS[:1])
    sealed = vault.seal(text, "variables/A")
    assert vault.unseal(sealed, "variables/A") == text
    assert key_id_of(sealed) == KEYS[0].id
    if len(text) > 3:
        assert text.encode() not in sealed


def test_the_same_text_is_sealed_differently_each_time() -> None:
    vault = Vault(KEYS[:1])
    assert vault.seal("x", "p") != vault.seal("x", "p")


def test_a_value_does_not_open_in_another_place() -> None:
    vault = Vault(KEYS[:1])
    with pytest.raises(CannotUnseal):
        vault.unseal(vault.seal("x", "variables/A"), "variables/B")


@given(st.data())
def test_a_value_that_was_changed_does_not_open(data: st.DataObject) -> None:
    vault = Vault(KEYS[:1])
    sealed = bytearray(vault.seal("some secret", "p"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotUnseal):
        vault.unseal(bytes(sealed), "p")


@given(st.binary(max_size=60))
def test_anything_else_does_not_open(sealed: bytes) -> None:
    with pytest.raises(CannotUnseal):
        Vault(KEYS[:1]).unseal(sealed, "p")


def test_the_first_key_seals_and_all_of_them_open() -> None:
    old = Vault(KEYS[:1]).seal("old", "p")
    both = Vault([KEYS[1], KEYS[0]])
    assert both.unseal(old, "p") == "old"
    assert key_id_of(both.seal("new", "p")) == KEYS[1].id
    with pytest.raises(CannotUnseal, match=KEYS[0].id.hex()):
        Vault(KEYS[1:]).unseal(old, "p")


def test_without_a_key_nothing_is_sealed_and_it_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="TOCSIN_ENCRYPTION_KEY"):
        Vault().seal("x", "p")


def test_keys_are_read_in_every_form() -> None:
    raw = bytes(range(224, 256))
    forms = [raw.hex(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")]
    for form in forms:
        assert parse_keys(form) == [SealingKey(raw)]
    other = new_key()
    assert parse_keys(f"# first\n{raw.hex()}\n\n{other}, {raw.hex()}") == [
        SealingKey(raw),
        *parse_keys(other),
    ]


@pytest.mark.parametrize("text", ["hunter2", "a" * 44, "00" * 16, "é" * 43])
def test_a_weak_or_mistyped_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(EncryptionKeyError) as refusal:
        parse_keys(text)
    assert text not in str(refusal.value)
    assert "openssl rand -base64 32" in str(refusal.value)


def test_a_key_does_not_show_itself() -> None:
    assert "0101" not in repr(KEYS[1])
    assert str(KEYS[1].secret) not in repr(KEYS[1])
