"""One thread of the agent touches files as another account; the rest of the process stays who it is."""

import ctypes
import os
import platform
import pwd
from typing import Final

#: The number of setgroups(2). glibc's own function changes all threads of a process, the bare call only its own.
_SETGROUPS: Final = {"x86_64": 116, "aarch64": 159, "riscv64": 159}
_NOBODY_ELSE: Final = 0xFFFFFFFF


class CannotBe(Exception):
    """The message says why."""


def account_named(name: str) -> pwd.struct_passwd | None:
    """The account, or None when it is the agent's own. Raises CannotBe. Blocks for account data."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise CannotBe(f"There is no account {name!r} on this host.") from None
    if account.pw_uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise CannotBe(f"Files can be handled as {name} only by an agent that runs as root.")
    return account


def become(account: pwd.struct_passwd) -> None:
    """From here on the calling thread sees files as this account does. Raises CannotBe.

    Leaving root this way the kernel also takes the thread's rights to overrule the permissions of files.
    """
    number = _SETGROUPS.get(platform.machine())
    if number is None:
        raise CannotBe(f"Files can't be handled as another account on {platform.machine()}.")
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, len(groups), (ctypes.c_uint32 * len(groups))(*groups)) != 0:
        raise CannotBe(f"The groups of {account.pw_name}: {os.strerror(ctypes.get_errno())}.")
    for change, wanted in ((libc.setfsgid, account.pw_gid), (libc.setfsuid, account.pw_uid)):
        change(wanted)
        # It has no way to report failure but this: an impossible id changes nothing and tells the present one.
        if change(_NOBODY_ELSE) != wanted:
            raise CannotBe(f"The agent may not handle files as {account.pw_name}.")


def file_uid() -> int:
    """As whom the calling thread touches files."""
    return int(ctypes.CDLL(None).setfsuid(_NOBODY_ELSE))
