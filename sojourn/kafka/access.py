"""The way to the brokers: addresses, protocol, credentials; one value that every client is made from."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import SecretStr

from sojourn.errors import ConfigurationError

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_PORT: Final = 9092


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """How this process reaches Kafka. ``servers`` is ``host1:9092,host2:9092``; the password never shows in a repr.

    ``ca`` is the file of the CA that signed the brokers' certificates (None: the system's CAs); ``certificate`` and
    ``key`` prove this client where the brokers ask for it. All three are PEM.
    """

    servers: str
    protocol: Protocol = "plaintext"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str | None = None
    password: SecretStr | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.protocol in {"ssl", "sasl_ssl"}

    @property
    def with_password(self) -> bool:
        """Whether a user and a password are asked for."""
        return self.protocol.startswith("sasl_")

    def hosts(self) -> list[tuple[str, int]]:
        """Give the addresses; raises ConfigurationError for one that is not ``host:port``."""
        found = [_address(part.strip()) for part in self.servers.split(",") if part.strip()]
        if not found:
            raise ConfigurationError("No Kafka broker is named", next_step="Set SOJOURN_KAFKA to host:9092,host:9092")
        return found

    def tls(self) -> ssl.SSLContext | None:
        """Give the TLS context, None without TLS; raises ConfigurationError for files that cannot be used."""
        if not self.encrypted:
            return None
        context = self._trusting()
        if self.certificate is not None:
            self._proving(context, self.certificate)
        elif self.key is not None:
            raise ConfigurationError(
                "A key is named without its certificate", next_step="Set SOJOURN_KAFKA_CERTIFICATE too"
            )
        return context

    def arguments(self) -> dict[str, Any]:
        """Give what every client of aiokafka takes as keyword arguments.

        Raises:
            ConfigurationError: An address, a file or the credentials cannot be used.
        """
        given: dict[str, Any] = {
            "bootstrap_servers": [
                f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts()
            ],
            "security_protocol": self.protocol.upper(),
            "ssl_context": self.tls(),
        }
        if self.with_password:
            user, password = self.credentials()
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": user,
                "sasl_plain_password": password.get_secret_value(),
            }
        return given

    def credentials(self) -> tuple[str, SecretStr]:
        """Give user and password; raises ConfigurationError where one is missing."""
        if not self.user or self.password is None:
            raise ConfigurationError(
                "This protocol needs a user and a password",
                protocol=self.protocol,
                next_step="Set SOJOURN_KAFKA_USER and SOJOURN_KAFKA_PASSWORD (or SOJOURN_KAFKA_PASSWORD_FILE)",
            )
        return self.user, self.password

    def _trusting(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                "The CA file of Kafka cannot be used",
                file=str(self.ca),
                problem=_why(error),
                next_step="SOJOURN_KAFKA_CA names a PEM file with the certificate of the CA",
            ) from error

    def _proving(self, context: ssl.SSLContext, certificate: Path) -> None:
        try:
            context.load_cert_chain(certificate, self.key, password=lambda: "")  # never ask on a terminal
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                "The client certificate for Kafka cannot be used",
                certificate=str(certificate),
                key=str(self.key),
                problem=_why(error),
                next_step="Name a PEM certificate and its own key, without a passphrase",
            ) from error


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port:
        host, port = text, str(_PORT)
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise ConfigurationError(
            "An address of a Kafka broker cannot be read", address=text, next_step="Write it as host:9092"
        )
    return host.strip("[]"), int(port)


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
