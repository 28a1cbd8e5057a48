"""Which provider is asked: what the fleet's settings say, else the configuration."""

from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.services.document_settings import whole_text
from tocsin_controller.services.generating.providers import Ai
from tocsin_controller.settings import ControllerSettings
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.settings import setting_rows
from tocsin_shared.ai import AiProvider
from tocsin_shared.errors import Conflict, InvalidInput, Unavailable

_KEY = "ai_api_key"


class AiSettings:
    """Reads them whenever they are needed: what was set a moment ago counts."""

    def __init__(self, db: Database, configured: ControllerSettings, vault: Vault) -> None:
        self._db = db
        self._configured = configured
        self._vault = vault

    async def is_enabled(self) -> bool:
        """Whether there is a provider to ask."""
        try:
            return self._configured.ai_api_key is not None or _KEY in await setting_rows(self._db)
        except Unavailable:  # whether clients show something is not worth an error
            return False

    async def read(self) -> Ai:
        """What holds now. Raises InvalidInput when there is no key, Conflict when it can't be read."""
        rows = await setting_rows(self._db)
        api_key = self._api_key(rows.get(_KEY))
        provider = self._text(rows, "ai_provider")
        if provider is not None and provider not in set(AiProvider):
            raise Conflict("the setting ai_provider is not known to this release")
        return Ai(
            api_key,
            AiProvider(provider or AiProvider.ANTHROPIC),
            self._text(rows, "ai_model"),
            self._text(rows, "ai_base_url"),
            self._text(rows, "ai_api_version"),
        )

    def _api_key(self, row: Record | None) -> str:
        if row is not None:
            try:
                return whole_text(self._vault, _KEY, row)
            except CannotUnseal as error:
                raise Conflict(f"the setting {_KEY} can't be read: {error}") from None
        if self._configured.ai_api_key is None:
            raise InvalidInput(
                f"no AI provider is set up: an admin sets {_KEY} (PUT /api/settings, or TOCSIN_AI_API_KEY)"
            )
        return self._configured.ai_api_key.get_secret_value()

    def _text(self, rows: dict[str, Record], key: str) -> str | None:
        value: str | None = rows[key]["value"] if key in rows else getattr(self._configured, key)
        return value
