"""PostgreSQL: built for any Linux with glibc, taken from Maven Central, needing no rights to install.

It refuses to run as root, so root runs it as another user of the machine.
"""

import hashlib
import lzma
import os
import platform
import pwd
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from celstream_stack import commands
from celstream_stack.errors import StackError
from celstream_stack.places import OPEN_FOLDER, locked
from celstream_stack.ports import LOOPBACK, free_port, secret
from celstream_stack.server import Launch

VERSION = "16.9.0"
ARTEFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux"
SUMS = {
    "amd64": "d983cee24678490199e1684d6a93f49f84673696cb6f0db64e880a4cf233017b",
    "arm64v8": "9d113402f70f4d134250916319ad83e87cba3796bd73a606c28dbabd326b4fa3",
}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64v8"}
ADVICE = "Install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jre-headless maven)."
OWNER = "celstream"  # of the databases
DATABASE = "celstream"
UNPRIVILEGED = ("postgres", "nobody")  # whom root runs it as: the first of them that the machine has
CONNECT_SECONDS = 10  # as a rule milliseconds; on a busy machine seconds

# Its own networks: elsewhere than on the loopback address it lets nobody in by itself.
NEIGHBOURS = "host all all samenet scram-sha-256\n"
FORMAT = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")

# A test machine may lose a database in a power cut, and shares its memory with a broker and a store.
SETTINGS = {
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "fsync": "off",
    "max_connections": "100",
}


class PostgreSQL:
    """See `Server`."""

    name = "postgres"

    def install(self, cache: Path) -> Path:
        """See `Server`."""
        home = cache / f"postgres-{VERSION}"
        with locked(cache / "postgres.lock"):
            if not (home / "complete").exists():
                self._download(home, cache / "postgres-install.log")
        return home

    def _download(self, home: Path, log: Path) -> None:
        machine = MACHINES.get(platform.machine())
        if machine is None or platform.system() != "Linux":
            raise StackError(f"postgres: {platform.machine()} {platform.system()}: give it Linux on x86_64 or aarch64.")
        maven = commands.need("mvn", self.name, ADVICE)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        copy = ["dependency:copy", f"-Dartifact={ARTEFACT}-{machine}:{VERSION}", f"-DoutputDirectory={home}"]
        commands.run(self.name, commands.politely([maven, "-B", "-q", *copy]), log=log)
        (jar,) = home.glob("*.jar")
        found = hashlib.sha256(jar.read_bytes()).hexdigest()
        if found != SUMS[machine]:
            raise StackError(
                f"postgres: {jar.name} has the sum {found}, expected {SUMS[machine]}."
                " Look at the repository that Maven is configured to use."
            )
        with zipfile.ZipFile(jar) as archive:
            (packed,) = [name for name in archive.namelist() if name.endswith(".txz")]
            with archive.open(packed) as stream, lzma.open(stream) as plain, tarfile.open(fileobj=plain) as tar:
                tar.extractall(home, filter="data")
        jar.unlink()
        home.chmod(OPEN_FOLDER)
        (home / "complete").touch()

    def new_settings(self) -> dict[str, str]:
        """See `Server`."""
        return {"host": LOOPBACK, "port": str(free_port()), "password": secret()}

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """See `Server`. The data folder is made at the first start."""
        data = state / "data"
        user = unprivileged() if os.geteuid() == 0 else None
        if user is not None:
            account = pwd.getpwnam(user)
            data.mkdir(exist_ok=True, mode=0o700)
            os.chown(data, account.pw_uid, account.pw_gid)
        if not (data / "PG_VERSION").exists():
            self._initialise(home, state, settings, user)
        given = {"listen_addresses": settings["host"], **SETTINGS}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        command = [str(home / "bin" / "postgres"), "-D", str(data), "-p", settings["port"], *options]
        return Launch(command, user=user)

    def _initialise(self, home: Path, state: Path, settings: Mapping[str, str], user: str | None) -> None:
        password = state / "password"
        password.touch(0o600)
        password.write_text(settings["password"])
        if user is not None:
            shutil.chown(password, user)
        options = [*FORMAT, "--no-sync"]
        owner = ["-U", OWNER, f"--pwfile={password}"]
        try:
            command: list[str | Path] = [home / "bin" / "initdb", "-D", state / "data", *owner, *options]
            commands.run(self.name, command, log=state / "initdb.log", user=user)
        finally:
            password.unlink()
        with (state / "data" / "pg_hba.conf").open("a") as rules:
            rules.write(NEIGHBOURS)

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`."""
        try:
            with connect(settings, "postgres") as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. Makes the database."""
        try:
            with connect(settings, "postgres") as connection:
                query = "SELECT 1 FROM pg_database WHERE datname = %s"
                if connection.execute(query, (DATABASE,)).fetchone() is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.Error as error:
            raise StackError(f"postgres: the database could not be made ({error}). Read its log.") from error

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """See `Server`."""
        place = f"{OWNER}:{settings['password']}@{settings['host']}:{settings['port']}/{DATABASE}"
        return {"CELSTREAM_DATABASE": f"postgresql+psycopg://{place}"}

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """See `Server`. All services come as the same one."""
        return {}

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`. It has none of its own."""
        return ""


def connect(settings: Mapping[str, str], database: str) -> "psycopg.Connection[tuple[object, ...]]":
    """A connection that commits each statement."""
    return psycopg.connect(
        host=settings["host"],
        port=int(settings["port"]),
        user=OWNER,
        password=settings["password"],
        dbname=database,
        connect_timeout=CONNECT_SECONDS,
        autocommit=True,
    )


def unprivileged() -> str:
    """A user without rights. Raises StackError where the machine has none."""
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise StackError(f"postgres: does not run as root. Become another user, or make one of {', '.join(UNPRIVILEGED)}.")
