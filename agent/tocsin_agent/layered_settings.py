"""Settings from several places, for every Tocsin program.

Precedence: command line, then environment, then the TOML file, then defaults.
"""

from pathlib import Path
from typing import Any, Self

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, TomlConfigSettingsSource


class LayeredSettings(BaseSettings):
    """The base of each program's one settings class."""

    @classmethod
    def load(cls, config_file: Path | None, **flags: Any) -> Self:
        """Read all sources. Raises pydantic's ValidationError, or OSError when the file can't be read."""
        given = {name: value for name, value in flags.items() if value is not None}
        if config_file is None:
            return cls(**given)
        config_file.open("rb").close()

        class _WithFile(cls):  # type: ignore[valid-type, misc]  # the file's path is known only now
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file)

        loaded: Self = _WithFile(**given)
        return loaded
