"""Other people's servers, for tests of what speaks to them: one module each, real programs on free local ports."""

import os
import shutil
from pathlib import Path

import pytest

#: Where packages put programs that are not on everybody's path.
_PLACES = os.pathsep.join(
    (os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin")
)
#: Where `make services` puts what is in no package.
FETCHED = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tocsin-services"


def require(name: str, binary: str | Path) -> str:
    """The program of a server, or the path of what it needs. The test is skipped where that is missing.

    It fails instead with TOCSIN_TEST_REQUIRE_SERVICES=1: everything has to be there. `make services` installs it.
    """
    if isinstance(binary, Path):
        found = str(binary) if binary.exists() else None
    else:
        found = shutil.which(binary, path=_PLACES)
    if found is not None:
        return found
    message = f"{name} is not installed here ({binary} is missing): `make services` installs it"
    if os.environ.get("TOCSIN_TEST_REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)
