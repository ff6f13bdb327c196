"""Apache Kafka of the local stack: its jars, its configuration, its storage, its command line.

One KRaft node. Clients sign in with SCRAM-SHA-512 and may do only what an ACL allows; topics are made on
purpose, never by accident. The controller's listener has no sign-in and is therefore bound to loopback and
nothing else. Logs flush to the operating system, not to the disk: the outbox of each service, not Kafka, is
the record that survives a power cut.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.files import read_json, write_json
from deploy.local.java import Java, find_java
from deploy.local.layout import HOST, PROJECT, SHARED_CACHE, Layout, LocalStackError

VERSION = "4.3.1"
POM = PROJECT / "deploy" / "kafka" / "pom.xml"
LOGGING = PROJECT / "deploy" / "kafka" / "log4j2.properties"
CACHE = SHARED_CACHE / "kafka" / VERSION
HEAP = "400m"
# On two cores the second compiler takes more, when idle and at first, than its code wins back (decision 32).
JIT = "-XX:TieredStopAtLevel=1"

# Why each differs from Kafka's default stands beside it.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": "User:admin;User:ANONYMOUS",  # ANONYMOUS is the node itself on the loopback controller listener
    "auto.create.topics.enable": "false",
    "log.retention.hours": "168",
    "log.segment.bytes": "67108864",
    "log.cleaner.dedupe.buffer.size": "16777216",  # the default takes 128 MB of the heap
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",  # 50 partitions only cost start time on one node
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",  # after kill -9 the node waits this long for its own old registration
    "broker.heartbeat.interval.ms": "500",
    "metadata.max.idle.interval.ms": "5000",  # the default writes a record twice a second for nobody
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "2",
}


@dataclass(frozen=True)
class KafkaPlace:
    """Where this stack's Kafka keeps its files, and which jars and Java it runs from."""

    home: Path
    libraries: Path
    java: Java

    @property
    def properties(self) -> Path:
        return self.home / "server.properties"

    @property
    def data(self) -> Path:
        return self.home / "data"


def record_place(layout: Layout, say: Callable[[str], None]) -> None:
    """Find Java and the jars, fetching what is missing, and remember both for the supervisor."""
    java = find_java(say)
    tools = {"java": java.program, "java_major": java.major, "libraries": str(ensure_jars(say))}
    write_json(layout.kafka_record, tools)


def recorded_place(layout: Layout) -> KafkaPlace:
    """What `record_place` found; LocalStackError if it never ran here."""
    tools = read_json(layout.kafka_record)
    if tools is None:
        raise LocalStackError("Kafka was not prepared here yet; start the stack with './lumbung up'.")
    java = Java(tools["java"], tools["java_major"])
    return KafkaPlace(layout.kafka_home, Path(tools["libraries"]), java)


def ensure_jars(say: Callable[[str], None]) -> Path:
    """The folder of jars: the user's KAFKA_HOME, or ours, fetched once through Maven and shared by every
    stack.
    """
    own_home = os.environ.get("KAFKA_HOME")
    if own_home:
        libraries = Path(own_home) / "libs"
        if not libraries.is_dir():
            raise LocalStackError(
                f"KAFKA_HOME is {own_home}, but there is no folder libs in it; unset it or correct it."
            )
        return libraries
    libraries = CACHE / "lib"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two stacks may start at once; the second waits for the first
        if not libraries.is_dir():
            _fetch_jars(libraries, say)
    return libraries


def _fetch_jars(libraries: Path, say: Callable[[str], None]) -> None:
    maven = _find_maven(say)
    unfinished = CACHE / "lib.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    say(f"Fetching Apache Kafka {VERSION} with Maven (about 55 MB, once) ...")
    command = [maven, "--batch-mode", "--file", str(POM), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"]
    if not os.access(pwd.getpwuid(os.geteuid()).pw_dir, os.W_OK):
        command.append(f"-Dmaven.repo.local={CACHE / 'repository'}")  # a user without a home of their own
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        output = []
        assert run.stdout is not None
        fetched = 0
        for line in run.stdout:
            output.append(line.rstrip())
            if "Downloaded from" in line and ".jar" in line:
                fetched += 1
                if fetched % 20 == 0:
                    say(f"  {fetched} files so far ...")
    if run.returncode != 0:
        words = "\n".join(output[-15:])
        raise LocalStackError(f"Maven could not fetch Kafka (try again; it continues where it stopped):\n{words}")
    unfinished.replace(libraries)


def _find_maven(say: Callable[[str], None]) -> str:
    """Maven on the PATH; as root on Debian it is installed, elsewhere the one command is said."""
    maven = shutil.which("mvn")
    if maven is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say("Maven is missing: apt-get install -y maven (once) ...")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "maven"]):
            subprocess.run(["apt-get", "-qq", *arguments], env=environment, check=False, capture_output=True)
        maven = shutil.which("mvn")
    if maven is None:
        raise LocalStackError(
            "Maven is needed once to fetch Kafka: run 'sudo apt-get install -y maven' (or 'brew install maven'), "
            "or set KAFKA_HOME to an unpacked Apache Kafka."
        )
    return maven


def render_properties(place: KafkaPlace, *, port: int, controller_port: int, admin_password: str) -> str:
    """The text of server.properties; it holds the admin's password, so it is kept private."""
    login = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="admin" password="{admin_password}";'
    )
    changing = {
        "listeners": f"CLIENT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": str(place.data),
        "listener.name.client.scram-sha-512.sasl.jaas.config": login,
    }
    return "".join(f"{name}={value}\n" for name, value in {**SETTINGS, **changing}.items())


def prepare_storage(place: KafkaPlace, layout: Layout, *, admin_password: str) -> bool:
    """Write the configuration and format the storage if that was not done yet; True if it was done now.

    Raises LocalStackError with Kafka's own words if it refuses.
    """
    place.home.mkdir(parents=True, exist_ok=True)
    text = render_properties(
        place,
        port=layout.port("kafka"),
        controller_port=layout.port("kafka-controller"),
        admin_password=admin_password,
    )
    place.properties.touch(mode=0o600)
    place.properties.write_text(text)
    if (place.data / "meta.properties").exists():
        return False
    shutil.rmtree(place.data, ignore_errors=True)
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = [
        *("-Xmx128m", JIT, "-XX:+UseSerialGC"),
        *("-cp", f"{place.libraries}/*", "kafka.tools.StorageTool", "format"),
        *("--cluster-id", cluster, "--config", str(place.properties)),
        *("--add-scram", f"SCRAM-SHA-512=[name=admin,password={admin_password}]"),
    ]
    # By file, because everybody on the machine can read command lines, and one of these is a password.
    with tempfile.NamedTemporaryFile("w", dir=place.home, prefix=".format-") as file:
        file.write("\n".join(f'"{argument}"' for argument in arguments))
        file.flush()
        done = subprocess.run([place.java.program, f"@{file.name}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalStackError(f"Kafka could not format its storage: {done.stderr.strip() or done.stdout.strip()}")
    return True


def server_command(place: KafkaPlace) -> list[str]:
    """How the broker is started; the class archive halves the work of each later start."""
    return [
        place.java.program,
        *(f"-Xmx{HEAP}", f"-Xms{HEAP}", JIT, "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
        *("-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={LOGGING}"),
        *archive_options(place, CACHE),
        *("-cp", f"{place.libraries}/*", "kafka.Kafka", str(place.properties)),
    ]


def archive_options(place: KafkaPlace, folder: Path) -> list[str]:
    """Class data sharing: from Java 19 the machine keeps the archive itself, before it is written at the
    first stop.
    """
    jars = hashlib.sha256(str(place.libraries).encode()).hexdigest()[:8]  # an archive fits one class path only
    archive = folder / f"classes-java{place.java.major}-{jars}.jsa"
    if place.java.major >= 19:
        return ["-XX:+AutoCreateSharedArchive", f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xshare:auto"]
    if archive.exists():
        return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xshare:auto"]
    return [f"-XX:ArchiveClassesAtExit={archive}", "-Xlog:cds=off"]
