"""Real things from settings: store, channels, local inbox, press."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from sojourn.bootstrap.channels_file import ChannelOptions
from sojourn.bootstrap.keys import kept
from sojourn.bootstrap.releases import Edition
from sojourn.bootstrap.settings import Settings
from sojourn.channels.calls import Calls, CallTarget
from sojourn.channels.inbox import LocalInbox
from sojourn.channels.mail import MailFrom
from sojourn.channels.sms import Sms, SmsGateway
from sojourn.channels.smtp import Smtp, SmtpServer
from sojourn.delivery.port import Channel
from sojourn.delivery.render import Press, Unsubscriber
from sojourn.errors import ConfigurationError
from sojourn.kafka.access import KafkaAccess
from sojourn.ports import Store, Tx
from sojourn.rendering import Renderer
from sojourn.store.sealing import Master, master_key
from sojourn.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from sojourn.bootstrap.tracing import Tracing


MASTER_FILE: Final = "master.key"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What processes on one store share beside the master key: kept in the store, sealed with it."""

    links: bytes
    calls: bytes
    api: str

    @classmethod
    async def of(cls, tx: Tx) -> Self:
        """Give those of a store; they are made at the first call."""
        api = urlsafe_b64encode(await tx.secret("api key")).rstrip(b"=").decode()
        return cls(await tx.secret("links"), await tx.secret("calls"), f"sj_{api}")


def make_tracing(settings: Settings, worker: str, clock: Callable[[], int]) -> "Tracing | None":
    """Give what writes the spans of a worker, None where no traces are wanted."""
    if not settings.traces:
        return None
    from sojourn.bootstrap.tracing import Tracing  # OpenTelemetry takes a third of a second to load

    return Tracing(settings.traces, worker, clock)


def make_store(settings: Settings, clock: Callable[[], int], *, create: bool = True) -> Store:
    """Give the store of a project, not open yet; ``create`` makes its master key where there is none."""
    key = make_master(settings, create=create)
    if settings.shared:
        from sojourn.store.postgres import PostgresStore  # embedded mode starts without its driver

        return PostgresStore(settings.database, key)
    return SqliteStore(settings.database_file, key, clock)


def make_shared_store(settings: Settings, clock: Callable[[], int]) -> Store:
    """Give the store of a worker, not open yet: one that all workers share, with a key that outlives this host.

    Raises:
        ConfigurationError: No PostgreSQL or no master key is named; nothing is made in their place.
    """
    if not settings.shared:
        raise ConfigurationError(
            "A worker needs the PostgreSQL database that all workers share",
            setting="SOJOURN_DATABASE",
            next_step="Name it as postgresql://user:password@host/name; without one there is `sojourn run`",
        )
    if settings.master_key is None and not (settings.var / MASTER_FILE).exists():
        raise ConfigurationError(
            "A worker needs the master key that belongs to the database",
            setting="SOJOURN_MASTER_KEY_FILE",
            next_step="Name the file of the key, the same for all; for a new database: openssl rand -hex 32",
        )
    return make_store(settings, clock)


def make_master(settings: Settings, *, create: bool = True) -> Master:
    """Give the key of keys: the setting, else the file in var/."""
    if settings.master_key is not None:
        return Master(bytes.fromhex(settings.master_key.get_secret_value()))
    return master_key(settings.var / MASTER_FILE, create=create)


def make_access(settings: Settings) -> KafkaAccess:
    """Give the way to the brokers.

    Raises:
        ConfigurationError: None is named.
    """
    if not settings.kafka:
        raise ConfigurationError(
            "No Kafka broker is named", next_step="Set SOJOURN_KAFKA to host1:9092,host2:9092, or use `sojourn run`"
        )
    return KafkaAccess(
        settings.kafka,
        settings.kafka_protocol,
        settings.kafka_mechanism,
        settings.kafka_user,
        settings.kafka_password,
        settings.kafka_ca,
        settings.kafka_certificate,
        settings.kafka_key,
    )


def make_inbox(settings: Settings, clock: Callable[[], int]) -> LocalInbox | None:
    """Give the local inbox where at least one way out is not set."""
    if settings.smtp and settings.sms and settings.calls:
        return None
    return LocalInbox(clock, file=settings.var / "inbox.ndjson")


def make_channels(
    settings: Settings, options: ChannelOptions, inbox: LocalInbox | None, secret: bytes | None = None
) -> dict[str, Channel]:
    """Give the adapters; what has no setting goes to the local inbox, which must be open.

    ``secret`` signs calls; without it that of the project's var/ does.
    """
    sms_url = settings.sms.get_secret_value() if settings.sms else inbox.sms_url if inbox else ""
    smtp_url = settings.smtp.get_secret_value() if settings.smtp else inbox.smtp_url if inbox else ""
    calls_url = settings.calls.get_secret_value() if settings.calls else inbox.calls_url if inbox else ""
    sms, mail, calls = options.sms, options.email, options.calls
    if secret is None:
        secret = kept(settings.var / "calls.key").value.encode()
    names: Mapping[Any, str] = sms.fields
    return {
        "sms": Sms(
            SmsGateway(
                sms_url,
                sms.encoding,
                dict(names),
                sms.extra,
                sms.headers,
                sms.honours_key,
                sms.at_once,
                sms.per_second,
                sms.timeout,
            )
        ),
        "email": Smtp(
            SmtpServer(
                smtp_url,
                MailFrom(mail.sender, tuple(mail.names.items())),
                mail.at_once,
                mail.per_second,
                mail.timeout,
            )
        ),
        "call": Calls(CallTarget(calls_url, secret, calls.at_once, calls.per_second, calls.timeout)),
    }


def make_press(settings: Settings, options: ChannelOptions, edition: Edition, key: bytes | None = None) -> Press:
    """Give what renders the messages of an edition; links are signed with a key, without it that of var/."""
    if key is None:
        key = kept(settings.var / "links.key").value.encode()
    templates = edition.project.templates
    renderer = Renderer(templates, key)
    renderer.warm()
    target = options.email.unsubscribe
    way_out = None
    if target is not None and target in templates.links.targets:
        way_out = Unsubscriber(templates.links.base, key, target)
    return Press(renderer, frozenset(edition.book.rules.purposes), way_out)
