"""Parse Jinja templates without rendering them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import Environment, TemplateError, TemplateSyntaxError, meta, nodes

DELIMITERS = {
    "block_start_string": "{%", "block_end_string": "%}",
    "variable_start_string": "{{", "variable_end_string": "}}",
    "comment_start_string": "{#", "comment_end_string": "#}",
}  # fmt: skip
_UNKNOWN_TAG = re.compile(r"Encountered unknown tag '(\w+)'")
MAX_TAGS = 20  # of extensions, in one text
SETTINGS = (*DELIMITERS, "trim_blocks", "lstrip_blocks", "line_statement_prefix")


class _AnyName(dict[str, Any]):
    """Filters or tests with any name, such as those of Copier or of extensions."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, default or str)

    def __contains__(self, key: object) -> bool:
        return True


def texts(value: Any) -> Iterator[str]:
    """Yield all strings inside a YAML value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)


@dataclass(frozen=True)
class Syntax:
    """The Jinja syntax of a template: `_envops` in its copier.yml."""

    envops: Mapping[str, Any]

    @cached_property
    def environment(self) -> Environment:
        """The Jinja environment with these settings, for parsing only."""
        options = {name: self.envops[name] for name in SETTINGS if name in self.envops}
        environment = Environment(**options)  # noqa: S701  # nothing is rendered
        environment.filters = _AnyName(environment.filters)
        environment.tests = _AnyName(environment.tests)
        return environment

    def __getitem__(self, name: str) -> str:
        """Return a delimiter, such as "block_start_string"."""
        return str(self.envops.get(name, DELIMITERS[name]))

    def parse(self, text: str) -> nodes.Template | None:
        """Return the syntax tree of a text, or None if it is not valid; a render reports why.

        The tags of extensions are left out.
        """
        for _ in range(MAX_TAGS):
            try:
                return self.environment.parse(text)
            except TemplateSyntaxError as error:
                tag = _UNKNOWN_TAG.match(error.message or "")
                if not tag:
                    return None
                text = self._without_tag(text, tag[1])
            except (TemplateError, RecursionError):
                return None
        return None

    def _without_tag(self, text: str, name: str) -> str:
        start, end = (re.escape(self[f"block_{part}_string"]) for part in ("start", "end"))
        tag = rf"{start}[-+]?\s*{name}\b.*?{end}"
        return re.sub(tag, lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)

    def undeclared(self, text: str) -> dict[str, int]:
        """Return the undeclared variables of a text, each with the line of its first use."""
        tree = self.parse(text)
        if tree is None:
            return {}
        # A variable that one branch sets would count as undeclared in the others.
        local = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        undeclared = meta.find_undeclared_variables(tree) - local
        lines: dict[str, int] = {}
        for node in sorted(tree.find_all(nodes.Name), key=lambda node: node.lineno):
            if node.name in undeclared:
                lines.setdefault(node.name, node.lineno)
        return lines

    def dependencies(self, texts: Iterable[str]) -> frozenset[str] | None:
        """Return the undeclared variables of all texts, or None if they cannot be known.

        An included template can use any variable.
        """
        names: set[str] = set()
        for text in texts:
            tree = self.parse(text)
            if tree is None or tree.find(nodes.Include) or tree.find(nodes.Extends):
                return None
            names |= meta.find_undeclared_variables(tree)
        return frozenset(names)

    def conditions(self, text: str, variable: str) -> set[str]:
        """Return the variables in the conditions under which a text uses a variable."""
        tree = self.parse(text)
        names: set[str] = set()
        found: list[nodes.If | nodes.CondExpr] = []
        if tree:
            found = [*tree.find_all(nodes.If), *tree.find_all(nodes.CondExpr)]
        for node in found:
            if any(name.name == variable for name in node.find_all(nodes.Name)):
                condition = nodes.Tuple([node.test], "load")  # find_all leaves its own node out
                names |= {name.name for name in condition.find_all(nodes.Name)}
        return names

    def with_default(self, text: str) -> set[str]:
        """Return the variables to which a text applies `default` or `is defined`."""
        tree = self.parse(text)
        if tree is None:
            return set()
        names = set()
        for node in tree.find_all((nodes.Filter, nodes.Test)):
            if node.name in ("default", "d", "defined", "undefined"):
                names |= {variable.name for variable in node.find_all(nodes.Name)}
        return names

    def spans(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield line and content of each pair of variable or block delimiters.

        It searches the text, so it also finds those that Jinja did not render.
        """
        for kind in ("variable", "block"):
            start, end = self[f"{kind}_start_string"], self[f"{kind}_end_string"]
            pattern = f"{re.escape(start)}(.{{0,300}}?){re.escape(end)}"
            for match in re.finditer(pattern, text, re.DOTALL):
                yield text.count("\n", 0, match.start()) + 1, match[1]
