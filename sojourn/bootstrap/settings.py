"""Settings from the environment, a ``.env`` file in the project folder, and secret files (interfaces.md).

The environment wins over ``.env``. ``NAME_FILE`` names a file that holds the value of ``NAME``. An unknown
name with the prefix is refused with the nearest known one: a misspelt setting must not be silently ignored.
"""

from collections.abc import Mapping
from pathlib import Path
from string import hexdigits
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource

from sojourn.core.nearest import did_you_mean
from sojourn.errors import ConfigurationError
from sojourn.operations.retention import LEAST_EVENT_DAYS, LEAST_LOG_DAYS

PREFIX: Final = "SOJOURN_"
_FILE: Final = "_FILE"
_WEB: Final = ("http", "https")
_KEY_DIGITS: Final = 64


class Listen(BaseModel):
    """Where HTTP listens; port 0 means any free one."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int = Field(ge=0, le=65535)


class Settings(BaseModel):
    """All settings of a process, checked. Secrets show as asterisks wherever they are printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: Path = Field(Path(), description="The project folder.")
    database: str = Field(
        "",
        repr=False,  # it may hold a password
        description="`sqlite:///FILE`, or `postgresql://user:pw@host/name` for workers; without it a file in var/.",
    )
    listen: Listen = Field(
        Listen(host="127.0.0.1", port=8080), description="`HOST:PORT` of HTTP; port 0: any free one, printed."
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key for POST /v1/events and the log API; without it embedded mode makes one in var/, and "
        "workers have one in the database that nobody is told: set it where they are to take events over HTTP.",
    )
    smtp: SecretStr | None = Field(
        None, description="`smtp://user:pw@host:25` or `smtps://host:465`; without it the local inbox."
    )
    sms: SecretStr | None = Field(None, description="URL of the SMS gateway; without it the local inbox.")
    calls: SecretStr | None = Field(None, description="URL that calls go to; without it the local inbox.")
    master_key: SecretStr | None = Field(
        None,
        description="The key of keys, 64 hexadecimal digits, the same for all processes; without it var/master.key.",
    )
    roles: str = Field(
        "intake,timers,delivery", description="What a worker does: any of `intake`, `timers` and `delivery`."
    )
    kafka: str | None = Field(None, description="`host1:9092,host2:9092`; without it embedded mode.")
    kafka_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="How brokers are spoken to: `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`."
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="Of the `sasl_` protocols: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`."
    )
    kafka_user: str | None = Field(None, description="User of the `sasl_` protocols.")
    kafka_password: SecretStr | None = Field(None, description="Password of the `sasl_` protocols.")
    kafka_ca: Path | None = Field(None, description="PEM file of the CA of the brokers; without it the system's CAs.")
    kafka_certificate: Path | None = Field(None, description="PEM file of this client's certificate (mTLS).")
    kafka_key: Path | None = Field(None, description="PEM file of the key of that certificate.")
    kafka_group: str = Field("sojourn", min_length=1, description="Consumer group that the workers form.")
    kafka_begin: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a topic begins that was never read: `earliest` or `latest`."
    )
    keep_events: int = Field(
        400,
        ge=0,
        description="Days that events are kept, 30 or more; 0: for ever. Longer than any publisher repeats one.",
    )
    keep_log: int = Field(
        0, ge=0, description="Days that the log of decisions is kept, 90 or more; 0: for ever. Ask who has to prove it."
    )
    traces: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the events whose way a worker traces, 0 to 1; sent to where `OTEL_EXPORTER_OTLP_*` says.",
    )

    @field_validator("listen", mode="before")
    @classmethod
    def _listen(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        host, colon, port = value.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit():
            raise ValueError("write it as 127.0.0.1:8080")
        return {"host": host.strip("[]") or "127.0.0.1", "port": int(port)}

    @field_validator("keep_events")
    @classmethod
    def _keep_events(cls, value: int) -> int:
        return _days(value, LEAST_EVENT_DAYS)

    @field_validator("keep_log")
    @classmethod
    def _keep_log(cls, value: int) -> int:
        return _days(value, LEAST_LOG_DAYS)

    @field_validator("database")
    @classmethod
    def _database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("write it as sqlite:///var/sojourn.db or postgresql://user:password@host/name")
        return value

    @field_validator("smtp")
    @classmethod
    def _smtp(cls, value: SecretStr | None) -> SecretStr | None:
        return _url(value, ("smtp", "smtps"), "smtp://user:password@host:25")

    @field_validator("sms", "calls")
    @classmethod
    def _web(cls, value: SecretStr | None) -> SecretStr | None:
        return _url(value, _WEB, "https://gateway.example/send")

    @field_validator("master_key")
    @classmethod
    def _master(cls, value: SecretStr | None) -> SecretStr | None:
        digits = value.get_secret_value() if value is not None else ""
        if digits and (len(digits) != _KEY_DIGITS or not set(digits) <= set(hexdigits)):
            raise ValueError("write it as 64 hexadecimal digits, as `openssl rand -hex 32` gives them")
        return value if digits else None

    @property
    def var(self) -> Path:
        """The folder of what the engine keeps for itself."""
        return self.project / "var"

    @property
    def shared(self) -> bool:
        """Whether the database is one that several processes share: production mode."""
        return self.database.startswith("postgresql://")

    @property
    def database_file(self) -> Path:
        """The SQLite file; raises ConfigurationError where another database is named."""
        if not self.database:
            return self.var / "sojourn.db"
        if not self.database.startswith("sqlite:///"):
            raise ConfigurationError(
                "Embedded mode keeps its data in SQLite",
                setting="SOJOURN_DATABASE",
                next_step="Name a file as sqlite:///var/sojourn.db, or leave the setting out",
            )
        path = Path(self.database.removeprefix("sqlite:///"))
        return path if path.is_absolute() else self.project / path


def _days(value: int, least: int) -> int:
    if 0 < value < least:
        raise ValueError(f"write {least} or more days, or 0 for ever")
    return value


def _url(value: SecretStr | None, schemes: tuple[str, ...], example: str) -> SecretStr | None:
    if value is None or not value.get_secret_value():
        return None
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"write it as {example}")
    return value


NAMES: Final = tuple(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)


def read_settings(environ: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Give the settings of a process.

    Args:
        environ: The environment.
        folder: The project folder where a command names one; it wins over SOJOURN_PROJECT.

    Raises:
        ConfigurationError: A name is unknown, a value is not what it must be, a secret file cannot be read.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    project = folder or Path(given.get("SOJOURN_PROJECT") or ".")
    from_file = _dotenv(project / ".env")
    named = {**from_file, **given}
    known: dict[str, str] = {}
    for name, value in named.items():
        known |= _one(name, value, named)
    known["SOJOURN_PROJECT"] = str(project)
    try:
        return Settings.model_validate(
            {name.removeprefix(PREFIX).lower(): value for name, value in known.items() if value != ""}
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigurationError(
            "A setting has a wrong value",
            setting=PREFIX + "_".join(str(part) for part in first["loc"][:1]).upper(),
            problem=first["msg"].removeprefix("Value error, "),
            next_step="See docs/reference/settings.md",
        ) from None


def _one(name: str, value: str, named: Mapping[str, str]) -> dict[str, str]:
    """Give one known setting; a NAME_FILE gives what its file holds, unless NAME is set beside it."""
    if name in NAMES:
        return {name: value}
    plain = name.removesuffix(_FILE)
    if name.endswith(_FILE) and plain in NAMES:
        return {} if plain in named else {plain: _secret(name, Path(value))}
    raise ConfigurationError(
        "There is no such setting",
        setting=name,
        next_step=did_you_mean(name, NAMES) or f"Known are {', '.join(NAMES)}",
    )


def _secret(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "The file of a secret cannot be read",
            setting=name,
            problem=type(error).__name__,
            next_step="Check that the file exists and that this process may read it",
        ) from error


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    read = DotEnvSettingsSource(BaseSettings, env_file=path, env_file_encoding="utf-8", case_sensitive=True).env_vars
    return {name: value or "" for name, value in read.items() if name.startswith(PREFIX)}
