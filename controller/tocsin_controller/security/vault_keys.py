"""Whether the keys of a controller are those of its database, and changing them: nothing is sealed in vain."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tocsin_controller.security.key_error import EncryptionKeyError
from tocsin_controller.security.sealing import CannotUnseal, Vault, key_id_of, new_key, parse_keys
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.sealed import (
    COLUMNS,
    Sealed,
    delete_key,
    insert_key,
    known_keys,
    lock_key,
    uses_of_key,
)

KEY_FILE: Final = "encryption.key"
#: Rows that are sealed anew in one transaction.
BATCH: Final = 200
_CHECK_TEXT: Final = "this is the right key"


def vault_from(key: str | None, key_file: Path | None) -> Vault:
    """The keys that were configured. Raises EncryptionKeyError."""
    if key is not None and key_file is not None:
        raise EncryptionKeyError("set encryption_key or encryption_key_file, not both")
    if key_file is not None:
        try:
            key = key_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise EncryptionKeyError(f"the encryption key file can't be read: {error}") from None
    if key is None:
        return Vault()
    keys = parse_keys(key)
    if not keys:
        raise EncryptionKeyError("the encryption key is empty")
    return Vault(keys)


def own_key_file(directory: Path) -> Path:
    """A key file below this directory, made when it is not there: for trying things out."""
    path = directory / KEY_FILE
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"{new_key()}\n")
    return path


async def check_keys(db: Database, vault: Vault) -> None:
    """Every key that the database knows must be here and be the right one. Raises EncryptionKeyError.

    Several controllers may do this at once. The key that this one seals with becomes known to the database.
    """
    async with db.transaction() as session:
        known = await known_keys(session)
        for key_id, sealed in known.items():
            if key_id not in vault.key_ids:
                raise _missing(key_id, vault)
            try:
                vault.unseal(sealed, _check_place(key_id))
            except CannotUnseal as error:
                raise EncryptionKeyError(f"encryption key {key_id.hex()} does not fit: {error}") from None
        if vault.current_id is not None and vault.current_id not in known:
            sealed = vault.seal(_CHECK_TEXT, _check_place(vault.current_id))
            await insert_key(session, vault.current_id, sealed)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    #: Values that are sealed with the current key now and were not before.
    resealed: int
    #: Keys that nothing is sealed with any more; the controllers need not be given them.
    retired: list[bytes]


async def rotate(db: Database, vault: Vault) -> Rotated:
    """Seal everything with the current key, in batches; may be interrupted and repeated, beside working controllers.

    Raises EncryptionKeyError.
    """
    if vault.current_id is None:
        raise EncryptionKeyError("there is no encryption key to rotate to")
    await check_keys(db, vault)
    resealed = 0
    for column in COLUMNS:
        while True:
            async with db.transaction() as session:
                rows = await column.stale(session, vault.current_id, BATCH)
                if not rows:
                    break
                fresh = [_reseal(vault, row, column.place(row.name)) for row in rows]
                resealed += await column.replace(session, rows, fresh, vault.current_id)
    return Rotated(resealed, await _retire(db, vault.current_id))


async def forget_key(db: Database, key_id: bytes) -> list[str]:
    """A key is lost for good: what only it opens is deleted. Returns what that was, by kind and name."""
    async with db.transaction() as session:
        await lock_key(session, key_id)
        names = [
            f"{column.kind} {name}"
            for column in COLUMNS
            for name in await column.delete_of_key(session, key_id)
        ]
        await delete_key(session, key_id)
    return names


async def _retire(db: Database, current_id: bytes) -> list[bytes]:
    retired: list[bytes] = []
    for key_id in await known_keys(db):
        if key_id == current_id:
            continue
        async with db.transaction() as session:
            if await _is_unused(session, key_id):
                await delete_key(session, key_id)
                retired.append(key_id)
    return retired


async def _is_unused(session: Session, key_id: bytes) -> bool:
    """Looked at only once nobody can seal with it any more: whoever does needs the key's row."""
    await lock_key(session, key_id)
    return await uses_of_key(session, key_id) == 0


def _reseal(vault: Vault, row: Sealed, place: str) -> bytes:
    try:
        return vault.seal(vault.unseal(row.sealed, place), place)
    except CannotUnseal as error:
        key_id = key_id_of(row.sealed).hex()
        raise EncryptionKeyError(f"{place} (key {key_id}) can't be decrypted: {error}") from None


def _missing(key_id: bytes, vault: Vault) -> EncryptionKeyError:
    given = ", ".join(sorted(one.hex() for one in vault.key_ids)) or "no key at all"
    return EncryptionKeyError(
        f"this database holds secrets under encryption key {key_id.hex()}, and this controller was given {given}: "
        "add that key to TOCSIN_ENCRYPTION_KEY or its file; if it is lost for good, see "
        "`tocsin-controller secrets forget-key --help`"
    )


def _check_place(key_id: bytes) -> str:
    return f"encryption_keys/{key_id.hex()}"
