"""A rule for scripts: commands that would hang with a Rollout, or open its gate."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from goldpath.errors import BadInputError
from goldpath.linters.base import Check
from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting

# Where commands stand in a repository.
PATTERNS = ("Makefile", "scripts/**/*.sh", ".github/workflows/*.y*ml")
# Values files that choose a Deployment, which every flag of helm can read.
ROLLING = re.compile(r"^strategy: rolling\s*$", re.MULTILINE)
VALUES = re.compile(r"""(?:--values|-f)[ =]["']?([^\s"']+)""")
# A program, or a variable with its name, at the beginning of a command, and flags before the verb.
CALL = r"""(?:^|[\s@;&|(])(?:{0}|"?\$[({{]?{1}[)}}]?)"?\s+(?:-\S+ (?:[^-\s]\S* )??)*"""
HELM, KUBECTL = CALL.format("helm", "HELM"), CALL.format("kubectl", "KUBECTL")
CHANGE = re.compile(HELM + r"(?:upgrade|install|rollback)\s(.*)")
WRITE = re.compile(KUBECTL + r"(apply|replace)\s(.*)")
PLUGIN = re.compile(r"kubectl[ -]argo[ -]rollouts (status|undo)\b(.*)")
# Helm asks kstatus, which cannot read a Rollout: https://github.com/helm/helm/issues/32615
HANGS = re.compile(r"--(?:wait(?:-for-jobs)?|atomic|rollback-on-failure)(?![\w-])")
# The controller loses its part of the selector: argoproj/argo-rollouts, rollout/bluegreen.go
OPENS = re.compile(r"--(?:force|force-replace|force-conflicts)(?![\w-])")
# Helm 3 does not know the flag, so a script adds it when it has asked for the version.
SAYS_SERVER_SIDE = re.compile(r"--server-side=false|\{server_side:")
# One command of several in a line.
SEPARATOR = re.compile(r"\s*(?:&&|\|\||[;|])\s+")
# What a variable or an array of a shell is set to, and what one of make is.
QUOTED = r"""[^\s"'();]|"[^"]*"|'[^']*'"""
SHELL = re.compile(rf"""(?:^|[\s;(])(\w+)\+?=((?:{QUOTED})+|\((?:\s|{QUOTED})*\))""")
MAKE = re.compile(r"^(?:[^\s:=#]+:\s*)?(\w+)\s*[:?+]*=(.*)$", re.MULTILINE)
USE = re.compile(r"\$\$?(?:(\w+)|\{(\w+)[^}]*\}|\((\w+)\))")
Variables = Mapping[str, Sequence[str]]


def findings(root: Path) -> list[Finding]:
    """Return each command of a repository's Makefile, scripts and workflows that harms a Rollout.

    A `helm upgrade`, `install` or `rollback` must not wait by helm itself nor force, and must keep
    Helm 4 from server-side apply. One whose values files in the repository say `strategy: rolling`
    is let off, for that is no Rollout. `kubectl replace`, and `apply` by force, take the selector
    of a Service from the controller. The plugin's `status` needs a bound, and its `undo` makes
    objects that the release does not know.

    A variable, an array too, counts as all that its own file ever sets it to. So what comes from
    outside a file is not seen: arguments of functions and scripts such as "$@", variables of the
    environment or of a file that is sourced, what `eval` and actions run. Nor is it seen which
    objects kubectl gets, so one that replaces something else is found, too.

    Raises: BadInputError if a workflow is not YAML.
    """
    files = _select(Tree(root))
    return [
        Finding("goldpath", "GP107", str(file.relative_to(root)), line, 0, "error", message)
        for file in files
        for line, command in _commands(file)
        for message in _messages(command, root)
    ]


def _commands(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number and text of each command, with the values of its variables."""
    scripts = [(1, file.read_text())]
    variables: dict[str, list[str]] = {}
    if file.suffix in (".yaml", ".yml"):
        texts = list(_texts(_workflow(file)))
        scripts = [(line, value) for key, line, value in texts if key == "run"]
        for key, _, value in texts:
            variables.setdefault(key, []).append(value)
    for _, script in scripts:
        lines = "\n".join(line for _, line in _lines(script))
        found = SHELL.findall(lines)
        if file.name == "Makefile":
            found += MAKE.findall(lines)
        for name, value in found:
            variables.setdefault(name, []).append(" ".join(value.strip("()\"'").split()))
    for start, script in scripts:
        for line, joined in _lines(script):
            for command in SEPARATOR.split(joined):
                yield start + line, _expand(command, variables)


def _workflow(file: Path) -> yaml.Node | None:
    text = file.read_text()
    try:
        check_nesting(text)
        return yaml.compose(text, yaml.CSafeLoader)
    except (yaml.YAMLError, TooLargeError) as error:
        raise BadInputError(f"{file} is not YAML: {' '.join(str(error).split())}") from error


def _texts(
    node: yaml.Node | None, key: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, int, str]]:
    """Yield key, line number and value of every text below a node of a workflow, each once."""
    seen = set() if seen is None else seen
    if id(node) in seen:  # an alias; aliases of aliases would have no end
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _texts(value, str(name.value), seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _texts(value, "", seen)
    elif isinstance(node, yaml.ScalarNode):
        block = node.style in ("|", ">")  # whose text begins a line later
        yield key, node.start_mark.line + 1 + block, node.value


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number, from 0, and text of each line with its continuation, without comments."""
    start, command = 0, ""
    for number, line in enumerate(text.splitlines()):
        start = start if command else number
        command += line.strip()
        if command.endswith("\\"):
            command = command.removesuffix("\\")
            continue
        if not command.startswith("#"):
            yield start, command
        command = ""
    if command:
        yield start, command


def _expand(text: str, variables: Variables, inside: frozenset[str] = frozenset()) -> str:
    """Return a text with all values of each variable in its place; unknown ones stay."""

    def values(use: re.Match[str]) -> str:
        name = next(filter(None, use.groups()))
        if name in inside or name not in variables or SAYS_SERVER_SIDE.search(use[0]):
            return use[0]
        return " ".join(_expand(one, variables, inside | {name}) for one in variables[name])

    return USE.sub(values, text)


def _messages(command: str, root: Path) -> Iterator[str]:
    if (change := CHANGE.search(command)) and not _is_rolling(command, root):
        yield from _of_helm(change[1])
    if write := WRITE.search(command):
        if write[1] == "replace":
            yield "kubectl replace: the selector of a Service loses the version that is live"
        for flag in OPENS.findall(write[2]):
            yield f"{flag}: the selector of a Service loses the version that is live"
    if plugin := PLUGIN.search(command):
        if plugin[1] == "undo":
            yield "undo: the next helm upgrade does not see it; use helm rollback"
        elif "--timeout" not in plugin[2]:
            yield "status: without --timeout it waits for ever while the Rollout is paused"


def _of_helm(flags: str) -> Iterator[str]:
    for flag in HANGS.findall(flags):
        yield f"{flag}: helm cannot read a Rollout and waits until its timeout"
    for flag in OPENS.findall(flags):
        yield f"{flag}: the new version of a Rollout is promoted without being asked"
    if not SAYS_SERVER_SIDE.search(flags):
        yield "--server-side=false is missing: Helm 4 and the Rollout's controller conflict"


def _is_rolling(command: str, root: Path) -> bool:
    names: Sequence[str] = VALUES.findall(command)
    return any(
        ROLLING.search((root / name).read_text()) for name in names if (root / name).is_file()
    )


def _select(tree: Tree) -> list[Path]:
    return sorted({file for pattern in PATTERNS for file in tree.root.glob(pattern)})


def _check(tree: Tree, files: Sequence[Path]) -> list[Finding]:  # noqa: ARG001  # the shape of a check
    return list(dict.fromkeys(findings(tree.root)))


CHECK = Check("deploy-scripts", _select, _check)

RULES = (
    Rule(
        "GP107", "a command harms a Rollout", "error",
        "https://github.com/helm/helm/issues/32615",
        "helm cannot read whether a Rollout is healthy and waits until its timeout; by force it "
        "takes the selectors from the controller.",
        "Leave out --wait, --atomic and --force; write --server-side=false, and a timeout behind "
        "`kubectl argo rollouts status`.",
        (CHECK,),
    ),
)  # fmt: skip
