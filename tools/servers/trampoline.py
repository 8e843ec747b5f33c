"""`python trampoline.py PARENT ACCOUNT COMMAND...`: becomes COMMAND, as ACCOUNT if one is named, and dies with PARENT.

A program of its own, because code between fork and exec of a process with threads may hang.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, account: str, command: list[str]) -> None:
    """Never returns: runs `command` in this process."""
    if account:
        import pwd

        entry = pwd.getpwnam(account)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        # After the change of account, which would undo it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that asked for this is gone")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
