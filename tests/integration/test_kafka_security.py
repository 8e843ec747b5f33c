"""Each way into Kafka works, and each way of being kept out has words of its own."""

import contextlib
import pickle
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sojourn.errors import ConfigurationError
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.probe import KafkaTrouble, probe
from sojourn.kafka.reader import Reader
from tests.integration.certkit import Authority
from tests.integration.readingkit import Positions, create, now_ms, read_until, send
from tools.servers import KafkaBroker, Listener, free_port

TOPIC = "a"
PASSWORD = SecretStr("plum-and-pear")
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class Secured:
    """A broker with every kind of listener, and what its clients need."""

    broker: KafkaBroker
    ca: Path
    other_ca: Path
    certificate: Path
    key: Path
    stranger: tuple[Path, Path]

    def access(self, way: str) -> KafkaAccess:
        known = KafkaAccess(self.broker.address(way), user="worker", password=PASSWORD)
        return {
            "OPEN": KafkaAccess(known.servers),
            "PLAIN": replace(known, protocol="sasl_plaintext", mechanism="PLAIN"),
            "SCRAM": replace(known, protocol="sasl_plaintext", mechanism="SCRAM-SHA-512"),
            "TLS": KafkaAccess(known.servers, "ssl", ca=self.ca),
            "MTLS": KafkaAccess(known.servers, "ssl", ca=self.ca, certificate=self.certificate, key=self.key),
            "SCRAMTLS": replace(known, protocol="sasl_ssl", mechanism="SCRAM-SHA-256", ca=self.ca),
        }[way]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority, other = Authority(folder, "authority"), Authority(folder, "other")
    _, _, own = authority.sign("broker")
    certificate, key, _ = authority.sign("worker")
    stranger = other.sign("stranger")[:2]
    tls = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(own),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
    }
    users = f'{PLAIN} user_worker="{PASSWORD.get_secret_value()}" user_limited="{PASSWORD.get_secret_value()}";'
    plain = {"sasl.enabled.mechanisms": "PLAIN", "plain.sasl.jaas.config": users}
    scram = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
        "scram-sha-256.sasl.jaas.config": SCRAM,
        "scram-sha-512.sasl.jaas.config": SCRAM,
    }
    broker = KafkaBroker(
        listeners=[
            Listener("OPEN"),
            Listener("PLAIN", "SASL_PLAINTEXT", plain),
            Listener("SCRAM", "SASL_PLAINTEXT", scram),
            Listener("TLS", "SSL", tls),
            Listener("MTLS", "SSL", {**tls, "ssl.client.auth": "required"}),
            Listener("SCRAMTLS", "SASL_SSL", {**tls, **scram}),
        ],
        scram={"worker": PASSWORD.get_secret_value()},
        properties={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:worker;User:CN=worker",
        },
    )
    with broker:
        yield Secured(broker, authority.file, other.file, certificate, key, stranger)


@pytest.mark.parametrize("way", ["OPEN", "PLAIN", "SCRAM", "TLS", "MTLS", "SCRAMTLS"])
async def test_each_way_in_reads(secured: Secured, way: str) -> None:
    topic = f"{TOPIC}.{way}"
    await create(secured.broker.bootstrap, topic, partitions=1)
    await send(secured.broker.bootstrap, [(topic, 0, now_ms(), b"one")])
    access, positions = secured.access(way), Positions()
    assert await probe(access, [topic], "g") is None
    reader = Reader(access, [topic], f"g.{way}", positions.read, now_ms)
    await reader.start()
    try:
        await read_until(reader, positions, lambda: len(positions.stored) == 1)
        assert reader.trouble is None
    finally:
        await reader.stop()


async def test_each_way_of_being_kept_out_has_words_of_its_own(secured: Secured) -> None:
    at, no_password = secured.broker.address, SecretStr("apple")
    mtls, scram, tls = secured.access("MTLS"), secured.access("SCRAM"), secured.access("TLS")
    certificate, key = secured.stranger
    kept_out = {
        "a port where nobody listens": KafkaAccess(f"127.0.0.1:{free_port()}"),
        "a name that does not exist": KafkaAccess("kafka.invalid:9092"),
        "plain words at a TLS listener": KafkaAccess(at("TLS")),
        "TLS at a plain listener": replace(tls, servers=at("OPEN")),
        "an unknown CA": replace(tls, ca=secured.other_ca),
        "no client certificate": replace(tls, servers=at("MTLS")),
        "a client certificate of strangers": replace(mtls, certificate=certificate, key=key),
        "no password where one is wanted": KafkaAccess(at("SCRAM")),
        "a password where none is taken": replace(scram, servers=at("OPEN")),
        "a wrong password, SCRAM": replace(scram, password=no_password),
        "a wrong password, PLAIN": replace(secured.access("PLAIN"), password=no_password),
        "a mechanism that is not offered": replace(scram, mechanism="PLAIN"),
        "a topic that is not allowed": replace(secured.access("PLAIN"), user="limited"),
    }
    found = {what: await probe(access, [f"{TOPIC}.OPEN"]) for what, access in kept_out.items()}
    assert {what: trouble.step if trouble else None for what, trouble in found.items()} == {
        "a port where nobody listens": "address",
        "a name that does not exist": "name",
        "plain words at a TLS listener": "tls",
        "TLS at a plain listener": "tls",
        "an unknown CA": "authority",
        "no client certificate": "certificate",
        "a client certificate of strangers": "certificate",
        "no password where one is wanted": "password",
        "a password where none is taken": "mechanism",
        "a wrong password, SCRAM": "password",
        "a wrong password, PLAIN": "password",
        "a mechanism that is not offered": "mechanism",
        "a topic that is not allowed": "topic",
    }
    said = {what: trouble.what for what, trouble in found.items() if trouble}
    assert said.pop("a wrong password, SCRAM") == said["a wrong password, PLAIN"]
    assert len(set(said.values())) == len(said)
    assert all(trouble.next_step for trouble in found.values() if trouble)
    text = " ".join(map(str, found.values()))
    assert "apple" not in text
    assert PASSWORD.get_secret_value() not in text


async def test_rights_on_the_group_and_missing_topics_are_told(secured: Secured) -> None:
    limited = replace(secured.access("PLAIN"), user="limited")
    group = await probe(limited, (), "g")
    assert group is not None
    assert (group.step, group.data["group"]) == ("group", "g")
    missing = await probe(secured.access("TLS"), ["not.there"])
    assert missing is not None
    assert (missing.step, missing.data["topics"]) == ("topic", ["not.there"])


async def test_one_address_that_works_is_enough(secured: Secured) -> None:
    assert await probe(KafkaAccess(f"127.0.0.1:{free_port()},{secured.broker.address('OPEN')}")) is None


async def test_what_is_no_broker_is_told(secured: Secured) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as mute:
        trouble = await probe(KafkaAccess(f"127.0.0.1:{mute.getsockname()[1]}"))
    assert trouble is not None
    assert "does not answer as Kafka does" in trouble.what


@pytest.mark.parametrize(
    ("way", "changes", "words"),
    [
        ("SCRAM", {"password": SecretStr("apple")}, "refuses user and password"),
        ("PLAIN", {"user": "limited"}, "may not read as this consumer group"),
    ],
)
async def test_a_reader_says_why_it_is_kept_out(
    secured: Secured, way: str, changes: dict[str, Any], words: str
) -> None:
    access, positions = replace(secured.access(way), **changes), Positions()
    reader = Reader(access, [TOPIC], "g", positions.read, now_ms)
    await reader.start()
    try:
        await read_until(reader, positions, lambda: reader.trouble is not None)
        assert words in (reader.trouble or "")
    finally:
        await reader.stop()


def test_the_password_never_shows(secured: Secured) -> None:
    access = secured.access("SCRAM")
    assert PASSWORD.get_secret_value() not in f"{access!r} {access}"
    assert access.arguments()["sasl_plain_password"] == PASSWORD.get_secret_value()


def test_a_trouble_survives_a_trip_between_processes() -> None:
    trouble = KafkaTrouble("password", "Refused", next_step="Check", user="worker")
    again = pickle.loads(pickle.dumps(trouble))
    assert (again.step, str(again)) == ("password", str(trouble))


@pytest.mark.parametrize(
    ("access", "word"),
    [
        (KafkaAccess(""), "No Kafka broker is named"),
        (KafkaAccess("host:port"), "cannot be read"),
        (KafkaAccess("host:0"), "cannot be read"),
        (KafkaAccess("host", "sasl_ssl"), "needs a user and a password"),
        (KafkaAccess("host", "ssl", ca=Path("nowhere.pem")), "CA file"),
        (KafkaAccess("host", "ssl", certificate=Path("nowhere.pem")), "client certificate"),
        (KafkaAccess("host", "ssl", key=Path("nowhere.pem")), "without its certificate"),
    ],
)
async def test_settings_that_cannot_work_are_told_before_anything_is_opened(access: KafkaAccess, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        access.arguments()
    trouble = await probe(access)
    assert trouble is not None
    assert trouble.step == "settings"


def test_addresses_are_read_with_and_without_ports() -> None:
    assert KafkaAccess("one, two:19092,[::1]:9093").hosts() == [("one", 9092), ("two", 19092), ("::1", 9093)]
    assert KafkaAccess("[::1]:9093").arguments()["bootstrap_servers"] == ["[::1]:9093"]
