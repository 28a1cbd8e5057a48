"""Compiles tocsin-keeper into the package: the wheel carries it and is tagged for this platform."""

import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KeeperBuildHook(BuildHookInterface[Any]):
    """Runs before the files of the wheel are collected, for an editable install too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say that the result belongs to the wheel."""
        built = Path(self.root) / "tocsin_agent" / "bin" / "tocsin-keeper"
        runpy.run_path(str(Path(self.root) / "keeper" / "build.py"))["build"](built)
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append("tocsin_agent/bin/tocsin-keeper")
