"""Read templates of Jinja without rendering them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import Environment, TemplateError, meta, nodes

DELIMITERS = {
    "block_start_string": "{%", "block_end_string": "%}",
    "variable_start_string": "{{", "variable_end_string": "}}",
    "comment_start_string": "{#", "comment_end_string": "#}",
}  # fmt: skip
SETTINGS = (*DELIMITERS, "trim_blocks", "lstrip_blocks", "line_statement_prefix")


class _Whatever(dict[str, Any]):
    """Filters or tests, among them any that Copier or an extension would bring."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, default or str)

    def __contains__(self, key: object) -> bool:
        return True


@dataclass(frozen=True)
class Syntax:
    """How a template is written: the settings `_envops` of its copier.yml."""

    envops: Mapping[str, Any]

    @cached_property
    def environment(self) -> Environment:
        """Jinja with these settings, for reading only."""
        options = {name: self.envops[name] for name in SETTINGS if name in self.envops}
        environment = Environment(**options)  # noqa: S701  # nothing is rendered
        environment.filters = _Whatever(environment.filters)
        environment.tests = _Whatever(environment.tests)
        return environment

    def __getitem__(self, name: str) -> str:
        """Return a delimiter, such as "block_start_string"."""
        return str(self.envops.get(name, DELIMITERS[name]))

    def parse(self, text: str) -> nodes.Template | None:
        """Return what Jinja reads in a text, or None if it cannot: a render says why."""
        try:
            return self.environment.parse(text)
        except (TemplateError, RecursionError):
            return None

    def undeclared(self, text: str) -> dict[str, int]:
        """Return the names that a text takes from outside, each with the line of its first use."""
        tree = self.parse(text)
        if tree is None:
            return {}
        # A name that is set in one branch counts as free in the others; a render tells better.
        stored = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        free = meta.find_undeclared_variables(tree) - stored
        found: dict[str, int] = {}
        for name in sorted(tree.find_all(nodes.Name), key=lambda one: one.lineno):
            if name.name in free:
                found.setdefault(name.name, name.lineno)
        return found

    def guarded(self, text: str) -> set[str]:
        """Return the names that a text passes through `default` or tests for `defined`."""
        tree = self.parse(text)
        if tree is None:
            return set()
        found = set()
        for node in tree.find_all((nodes.Filter, nodes.Test)):
            if node.name in ("default", "d", "defined", "undefined"):
                found |= {inner.name for inner in node.find_all(nodes.Name)}
        return found

    def spans(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the line and the inside of all that stands between delimiters of values or blocks.

        It is looked for as text, so it is found where Jinja never looked, too.
        """
        for kind in ("variable", "block"):
            start, end = self[f"{kind}_start_string"], self[f"{kind}_end_string"]
            pattern = f"{re.escape(start)}(.{{0,300}}?){re.escape(end)}"
            for found in re.finditer(pattern, text, re.DOTALL):
                yield text.count("\n", 0, found.start()) + 1, found[1]
