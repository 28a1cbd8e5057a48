"""Variables and params as they are put into tasks and connections, decrypted at that moment."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.store.sealed import VARIABLES
from tocsin_controller.store.substitution import StoredValue
from tocsin_controller.substitution.references import PARAMS, Scalar, as_text
from tocsin_shared.executions import Reason
from tocsin_shared.wire import dumps


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Why a task or a connection can't be told to anybody; never with a value."""

    reason: Reason
    message: str


class CannotRead(Exception):
    """A secret can't be decrypted. The message names it."""


class Values:
    """The values for one task or connection."""

    def __init__(
        self, vault: Vault, variables: Mapping[str, StoredValue], params: Mapping[str, Any] | None = None
    ) -> None:
        self._vault = vault
        self._variables = variables
        self._params = params or {}
        #: Those that were used.
        self.secrets: set[str] = set()

    def missing(self, variables: Iterable[str], params: Iterable[str] = ()) -> list[str]:
        """References without a value, and why if that is not clear."""
        return [
            *(as_text(PARAMS + name) for name in sorted(params) if self._params.get(name) is None),
            *(
                as_text(name) + (" (expired)" if name in self._variables else "")
                for name in sorted(variables)
                if name not in self._variables or self._variables[name].is_expired
            ),
        ]

    def text(self, name: str) -> str:
        """The value of a name that is not missing. Raises CannotRead."""
        if name.startswith(PARAMS):
            value = self._params[name.removeprefix(PARAMS)]
            if isinstance(value, str):
                return value
            text = dumps(value).decode()
            return Scalar(text) if isinstance(value, (bool, int, float)) else text
        stored = self._variables[name]
        if stored.sealed is None:
            return stored.text or ""
        try:
            secret = self._vault.unseal(stored.sealed, VARIABLES.place(name))
        except CannotUnseal as error:
            raise CannotRead(f"{as_text(name)} can't be decrypted: {error}") from None
        self.secrets.add(secret)
        return secret

    def every_secret(self) -> list[str]:
        """All secrets among the variables, expired ones too."""
        for name, stored in self._variables.items():
            if stored.sealed is not None:
                with suppress(CannotRead):
                    self.text(name)
        return sorted(self.secrets)
