"""Become another program with the right user, file limit and a tie to the life of the parent.

Run as `python -I -S launch.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARGUMENT...` (uid -1 keeps the user).
The tie is the kernel's parent-death signal: when the supervisor dies, even by kill -9, the kernel signals
this process, so no orphan stays behind. It is set after the change of user, because that change clears it.
Only the standard library: this runs before each start.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1
OPEN_FILES_WANTED = 65536


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = (int(value) for value in arguments[:4])
    program = arguments[4:]
    _raise_file_limit()
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("launch: the supervisor died before the program could start")
    os.execvp(program[0], program)  # noqa: S606 - no shell is wanted here


def _raise_file_limit() -> None:
    """Kafka and PostgreSQL hold many files open; shells often allow 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_WANTED if hard == resource.RLIM_INFINITY else min(OPEN_FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
