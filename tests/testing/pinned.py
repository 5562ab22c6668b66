"""Programs and files that only tests use, at the versions pinned in tests/testing/tools."""

from functools import partial
from pathlib import Path

from goldpath.runtime import toolchain

TOOLS = Path(__file__).with_name("tools")

go_tool = partial(toolchain.go_tool, pins=TOOLS)
go_module = partial(toolchain.go_module, pins=TOOLS)
tool_version = partial(toolchain.tool_version, pins=TOOLS)
module_version = partial(toolchain.module_version, pins=TOOLS)
