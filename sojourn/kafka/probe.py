"""Why Kafka cannot be used, step by step: name, port, TLS, certificate, password, rights.

aiokafka says the same of all of them (unable to bootstrap). This takes the way again slowly, one broker address
after another, and stops at the first step that does not go.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Collection
from typing import Any, Final, Literal

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.metadata import MetadataRequest

from sojourn.errors import SojournError, TryLater
from sojourn.kafka.access import KafkaAccess

Step = Literal[
    "settings",
    "name",
    "address",
    "tls",
    "authority",
    "certificate",
    "mechanism",
    "password",
    "advertised",
    "topic",
    "group",
]

_STEP_S: Final = 4.0
_ALERT_S: Final = 0.5
_ILLEGAL_SASL_STATE: Final = 34
_TOPIC_REFUSED: Final = 29
_TOPIC_UNKNOWN: Final = 3
_GROUP_REFUSED: Final = 30
_BROKEN: Final = (KafkaError, OSError, TimeoutError, EOFError)


class KafkaTrouble(TryLater):
    """Kafka cannot be used as it is set: at which ``step``, with which address, and what to do about it."""

    def __init__(self, step: Step, what: str, *, next_step: str, **data: object) -> None:
        self.step = step
        super().__init__(what, next_step=next_step, **data)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Survives a trip between processes with its step."""
        return _again, (self.step, self.what, self.next_step, self.data)


def _again(step: Step, what: str, next_step: str, data: dict[str, object]) -> KafkaTrouble:
    return KafkaTrouble(step, what, next_step=next_step, **data)


async def probe(access: KafkaAccess, topics: Collection[str] = (), group: str | None = None) -> KafkaTrouble | None:
    """Give what keeps this access from working, None when it works; takes seconds, never long.

    With ``topics`` and ``group`` also whether this user may read them. One address that works is enough; where none
    does, the trouble of the first is given.
    """
    try:
        context, addresses = access.tls(), access.hosts()
        if access.with_password:
            access.credentials()
    except SojournError as error:
        return KafkaTrouble("settings", error.what, next_step=error.next_step, **error.data)
    found: list[KafkaTrouble] = []
    for host, port in addresses:
        try:
            await _reach(host, port)
            if context is not None:
                await _handshake(access, context, host, port)
            await _speak(access, context, host, port, topics, group)
        except KafkaTrouble as trouble:
            found.append(trouble)
        else:
            return None
    return found[0]


# ---- the steps


async def _reach(host: str, port: int, *, advertised_by: str | None = None) -> None:
    at = f"{host}:{port}"
    data = {"address": at} if advertised_by is None else {"address": at, "told_by": advertised_by}
    try:
        async with asyncio.timeout(_STEP_S):
            _, writer = await asyncio.open_connection(host, port)
    except socket.gaierror as error:
        step: Step = "name" if advertised_by is None else "advertised"
        raise KafkaTrouble(
            step,
            "The name of a Kafka broker is not known",
            next_step=_advertised(advertised_by, "Check SOJOURN_KAFKA and DNS"),
            **data,
        ) from error
    except (OSError, TimeoutError) as error:
        step = "address" if advertised_by is None else "advertised"
        what = "does not answer" if isinstance(error, TimeoutError) else "takes no connection"
        raise KafkaTrouble(
            step,
            f"A Kafka broker {what}",
            next_step=_advertised(
                advertised_by, "Check host and port in SOJOURN_KAFKA, the firewall, and that it runs"
            ),
            problem=type(error).__name__,
            **data,
        ) from error
    await _hang_up(writer)


def _advertised(by: str | None, otherwise: str) -> str:
    return otherwise if by is None else "Set advertised.listeners of the brokers to addresses that this host reaches"


async def _handshake(access: KafkaAccess, context: ssl.SSLContext, host: str, port: int) -> None:
    """Speak TLS, and wait a moment: that a certificate is missing or refused is said after the handshake."""
    at = f"{host}:{port}"
    try:
        async with asyncio.timeout(_STEP_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        raise KafkaTrouble(
            "authority",
            "The certificate of the Kafka broker is not trusted",
            next_step="Name the CA that signed it in SOJOURN_KAFKA_CA, and the broker by a name in its certificate",
            address=at,
            problem=error.verify_message,
        ) from error
    except ssl.SSLError as error:
        raise _alert(access, at, error) if "ALERT" in (error.reason or "") else _no_tls(at, error) from error
    except (OSError, TimeoutError) as error:
        raise _no_tls(at, error) from error
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ALERT_S):
                await reader.read(1)
    except ssl.SSLError as error:
        raise _alert(access, at, error) from error
    except OSError as error:
        raise _alert(access, at, error) from error
    finally:
        await _hang_up(writer)


def _no_tls(at: str, error: Exception) -> KafkaTrouble:
    return KafkaTrouble(
        "tls",
        "No TLS is spoken at this address of Kafka",
        next_step="Name a TLS listener in SOJOURN_KAFKA, or set SOJOURN_KAFKA_PROTOCOL to plaintext or sasl_plaintext",
        address=at,
        problem=getattr(error, "reason", None) or type(error).__name__,
    )


def _alert(access: KafkaAccess, at: str, error: Exception) -> KafkaTrouble:
    problem = getattr(error, "reason", None) or type(error).__name__
    if access.certificate is None:
        return KafkaTrouble(
            "certificate",
            "The Kafka broker asks for a client certificate",
            next_step="Set SOJOURN_KAFKA_CERTIFICATE and SOJOURN_KAFKA_KEY",
            address=at,
            problem=problem,
        )
    return KafkaTrouble(
        "certificate",
        "The Kafka broker refuses the client certificate",
        next_step="Use a certificate that is valid and signed by a CA that the brokers trust",
        address=at,
        problem=problem,
    )


async def _speak(
    access: KafkaAccess,
    context: ssl.SSLContext | None,
    host: str,
    port: int,
    topics: Collection[str],
    group: str | None,
) -> None:
    at = f"{host}:{port}"
    connection = await _connect(access, context, host, port)
    try:
        await _password_wanted(access, connection, at)
        try:
            metadata = await connection.send(MetadataRequest(sorted(topics), allow_auto_topic_creation=False))
        except _BROKEN as error:
            raise _silent(at, error) from error
        for broker in metadata.brokers:
            await _reach(broker[1], broker[2], advertised_by=at)
        _may_read(metadata, access)
        if group is not None:
            await _may_join(connection, group, access)
    finally:
        await _close(connection)


async def _connect(access: KafkaAccess, context: ssl.SSLContext | None, host: str, port: int) -> Any:
    arguments = {name: value for name, value in access.arguments().items() if name != "bootstrap_servers"}
    connection = AIOKafkaConnection(host, port, request_timeout_ms=int(_STEP_S * 1000), **arguments)
    try:
        async with asyncio.timeout(_STEP_S):
            await connection.connect()
        return connection
    except Exception as error:
        await _close(connection)
        raise await _refusal(access, context, host, port, error) from error


async def _refusal(
    access: KafkaAccess, context: ssl.SSLContext | None, host: str, port: int, error: Exception
) -> Exception:
    at = f"{host}:{port}"
    if isinstance(error, UnsupportedSaslMechanismError):
        return KafkaTrouble(
            "mechanism",
            "The Kafka broker does not offer this mechanism",
            next_step="Set SOJOURN_KAFKA_MECHANISM to one that the listener offers (sasl.enabled.mechanisms)",
            address=at,
            mechanism=access.mechanism,
        )
    if isinstance(error, SaslAuthenticationFailed):
        return _password(access, at)
    if access.with_password and isinstance(error, ValueError):  # the proof of the server does not fit our password
        return _password(access, at)
    if access.with_password and "Sasl" in type(error).__name__:
        return _no_password(at)
    return await _closed(context, host, port, error)


async def _closed(context: ssl.SSLContext | None, host: str, port: int, error: Exception) -> KafkaTrouble:
    """A listener that hangs up on plain Kafka: does it speak TLS?"""
    at = f"{host}:{port}"
    if context is None and await _speaks_tls(host, port):
        return KafkaTrouble(
            "tls",
            "TLS is spoken at this address of Kafka",
            next_step="Set SOJOURN_KAFKA_PROTOCOL to ssl or sasl_ssl, or name another listener in SOJOURN_KAFKA",
            address=at,
        )
    return _silent(at, error)


def _silent(at: str, error: Exception) -> KafkaTrouble:
    return KafkaTrouble(
        "address",
        "What listens at this address does not answer as Kafka does",
        next_step="Check host and port in SOJOURN_KAFKA, and the log of the broker",
        address=at,
        problem=type(error).__name__,
    )


def _password(access: KafkaAccess, at: str) -> KafkaTrouble:
    return KafkaTrouble(
        "password",
        "The Kafka broker refuses user and password",
        next_step="Check SOJOURN_KAFKA_USER and SOJOURN_KAFKA_PASSWORD, and that the user exists for this mechanism",
        address=at,
        user=access.user,
        mechanism=access.mechanism,
    )


def _no_password(at: str) -> KafkaTrouble:
    return KafkaTrouble(
        "mechanism",
        "This listener of Kafka takes no password",
        next_step="Set SOJOURN_KAFKA_PROTOCOL to plaintext or ssl, or name a SASL listener in SOJOURN_KAFKA",
        address=at,
    )


async def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_STEP_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError):
        return False
    await _hang_up(writer)
    return True


async def _password_wanted(access: KafkaAccess, connection: Any, at: str) -> None:
    """Whoever comes without a password learns here that one is wanted: elsewhere the broker just hangs up."""
    if access.with_password:
        return
    try:
        answer = await connection.send(SaslHandShakeRequest("PLAIN"))
    except _BROKEN as error:
        raise _silent(at, error) from error
    if answer.error_code != _ILLEGAL_SASL_STATE:
        raise KafkaTrouble(
            "password",
            "This listener of Kafka wants a user and a password",
            next_step="Set SOJOURN_KAFKA_PROTOCOL to sasl_ssl or sasl_plaintext, with user, password and mechanism",
            address=at,
            offered=sorted(answer.enabled_mechanisms),
        )


def _may_read(metadata: Any, access: KafkaAccess) -> None:
    codes = {topic[1]: topic[0] for topic in metadata.topics}
    refused = sorted(name for name, code in codes.items() if code == _TOPIC_REFUSED)
    unknown = sorted(name for name, code in codes.items() if code == _TOPIC_UNKNOWN)
    if refused:
        raise KafkaTrouble(
            "topic",
            "This user may not read these topics",
            next_step="Allow Read and Describe on them (kafka-acls), then restart nothing: it is tried again",
            user=access.user,
            topics=refused,
        )
    if unknown:
        raise KafkaTrouble(
            "topic", "These topics do not exist", next_step="Create them with `sojourn topics`", topics=unknown
        )


async def _may_join(connection: Any, group: str, access: KafkaAccess) -> None:
    answer = await connection.send(FindCoordinatorRequest(group, 0))
    if answer.error_code == _GROUP_REFUSED:
        raise KafkaTrouble(
            "group",
            "This user may not read as this consumer group",
            next_step="Allow Read on the group (kafka-acls), or set SOJOURN_KAFKA_GROUP to one that is allowed",
            user=access.user,
            group=group,
            problem=for_code(answer.error_code).__name__,
        )


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Drop a connection without ceremony: nothing was said that matters."""
    writer.transport.abort()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()


async def _close(connection: Any) -> None:
    closed = connection.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await closed
