"""Apache Kafka: one broker that is its own controller (KRaft), from Maven Central.

Maven finds the jars where it is configured to; the sums beside this file say whether they are the right ones.
"""

import base64
import hashlib
import secrets
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from celstream_platform.errors import Unavailable
from celstream_platform.eventlog.kafka_watchdog import Watchdog
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from celstream_stack import commands
from celstream_stack.errors import StackError
from celstream_stack.places import locked
from celstream_stack.ports import LOOPBACK, free_port
from celstream_stack.server import Launch

VERSION = "4.3.1"
LOG4J = "2.25.3"  # log4j-slf4j-impl, not -slf4j2-impl: Kafka brings slf4j 1.7
ADVICE = "Install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jre-headless maven)."
STARTED = "Kafka Server started"
ASK_SECONDS = 5.0
SUMS = "kafka.sha256"

POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>celstream</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId>
      <version>{LOG4J}</version></dependency>
  </dependencies>
</project>
"""

LOGGING = """status=warn
appender.out.type=Console
appender.out.name=OUT
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=OUT
logger.raft.name=kafka.server.KafkaRaftServer
logger.raft.level=info
"""

# One node, so every replication factor is 1. Small internal topics start faster. A transaction that its worker left
# open holds readers up until the broker looks for such: once a second here. On a busy machine a broker may miss its own
# controller's nine seconds; being shut out would help nobody where no other broker is there to take over.
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=60000
initial.broker.registration.timeout.ms=110000
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""


class Kafka:
    """See `Server`."""

    name = "kafka"

    def install(self, cache: Path) -> Path:
        """See `Server`. Java itself is the machine's."""
        commands.need("java", self.name, ADVICE)
        home = cache / f"kafka-{VERSION}"
        with locked(cache / "kafka.lock"):
            if not (home / "complete").exists():
                self._download(home, cache / "kafka-install.log")
        return home

    def _download(self, home: Path, log: Path) -> None:
        maven = commands.need("mvn", self.name, ADVICE)
        shutil.rmtree(home, ignore_errors=True)
        libs = home / "libs"
        libs.mkdir(parents=True)
        (home / "pom.xml").write_text(POM)
        (home / "log4j2.properties").write_text(LOGGING)
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={libs}"]
        commands.run(self.name, commands.politely([maven, "-B", "-q", "-f", home / "pom.xml", *copy]), log=log)
        check_sums(libs)
        (home / "complete").touch()

    def new_settings(self) -> dict[str, str]:
        """See `Server`."""
        return {"host": LOOPBACK, "port": str(free_port()), "controller": str(free_port())}

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """See `Server`. The data folder is formatted at the first start."""
        properties = state / "server.properties"
        data = state / "data"
        properties.write_text(self.properties(data, state, settings))
        java = [
            commands.need("java", self.name, ADVICE),
            "-Xms128m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            f"-Dlog4j2.configurationFile=file:{home / 'log4j2.properties'}",
        ]
        classpath = {"CLASSPATH": f"{home / 'libs'}/*"}
        if not (data / "meta.properties").exists():
            options = ["--standalone", "-t", cluster_name(), "-c", str(properties), *self.formatting(settings)]
            format_: list[str | Path] = [*java, "kafka.tools.StorageTool", "format", *options]
            commands.run(self.name, format_, log=state / "format.log", env=classpath)
        return Launch([*java, "kafka.Kafka", str(properties)], classpath)

    def properties(self, data: Path, state: Path, settings: Mapping[str, str]) -> str:
        """What the broker reads at its start. data: its folder, in `state`."""
        return PROPERTIES.format(data=data, **settings)

    def formatting(self, settings: Mapping[str, str]) -> list[str]:
        """More arguments for the tool that formats the data folder."""
        return []

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`. Ready is who says so, and answers for the cluster.

        Not asked before it says so: a client that meets a broker half-way up may hang.
        """
        if STARTED not in (state / "log").read_text(errors="replace"):
            return False
        watchdog = Watchdog()
        try:
            watchdog.call(lambda: ask(f"{settings['host']}:{settings['port']}"), 2 * ASK_SECONDS, "asking Kafka")
        except (KafkaError, OSError, Unavailable):
            return False
        finally:
            watchdog.close()
        return True

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. Topics are made by who uses them."""

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """See `Server`."""
        return {"CELSTREAM_EVENTS": f"kafka://{settings['host']}:{settings['port']}"}

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """See `Server`. All services come as the same one."""
        return {}

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`. It has none of its own."""
        return ""


def cluster_name() -> str:
    """A new cluster's id, as the broker's own tool draws it; that would start a Java for it."""
    return base64.urlsafe_b64encode(b"\x01" + secrets.token_bytes(15)).decode().rstrip("=")  # it must not begin with -


def ask(address: str) -> None:
    """Ask a broker, HOST:PORT, for its cluster. Raises KafkaError."""
    client = KafkaAdminClient(bootstrap_servers=address, bootstrap_timeout_ms=int(ASK_SECONDS * 1000))
    try:
        client.describe_cluster()
    finally:
        client.close()


def check_sums(libs: Path) -> None:
    """Compare the jars with the recorded sums. Raises StackError where one is missing, new, or different."""
    lines = resources.files("celstream_stack").joinpath(SUMS).read_text().splitlines()
    expected = {name: sum_ for sum_, name in (line.split() for line in lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in libs.glob("*.jar")}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise StackError(
            f"kafka: {', '.join(wrong)}: not what {SUMS} says. Look at the repository that Maven is configured to use."
        )
