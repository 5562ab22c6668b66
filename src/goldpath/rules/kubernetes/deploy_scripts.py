"""A rule for scripts: commands that hang with a Rollout, or promote it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from goldpath.errors import BadInputError
from goldpath.linters.base import Check
from goldpath.model import Finding
from goldpath.rendering.tree import Tree
from goldpath.rules.base import Rule
from goldpath.rules.kubernetes.rollouts import may_have_rollouts
from goldpath.runtime.bounded_yaml import TooLargeError, check_nesting

# The files of a repository that have commands.
PATTERNS = ("Makefile", "scripts/**/*.sh", ".github/workflows/*.y*ml")
# Values files that select a Deployment, which helm can wait for.
ROLLING = re.compile(r"^strategy: rolling\s*$", re.MULTILINE)
VALUES = re.compile(r"""(?:--values|-f)[ =]["']?([^\s"']+)""")
# A program, or a variable with its name, at the start of a command, and flags before the verb.
CALL = r"""(?:^|[\s@;&|(])(?:{0}|"?\$[({{]?{1}[)}}]?)"?\s+(?:-\S+ (?:[^-\s]\S* )??)*"""
HELM, KUBECTL = CALL.format("helm", "HELM"), CALL.format("kubectl", "KUBECTL")
CHANGE = re.compile(HELM + r"(?:upgrade|install|rollback)\s(.*)")
WRITE = re.compile(KUBECTL + r"(apply|replace)\s(.*)")
PLUGIN = re.compile(r"kubectl[ -]argo[ -]rollouts (status|undo)\b(.*)")
# Helm uses kstatus, which does not support a Rollout: https://github.com/helm/helm/issues/32615
HANGS = re.compile(r"--(?:wait(?:-for-jobs)?|atomic|rollback-on-failure)(?![\w-])")
# They overwrite the controller's part of the selector: argoproj/argo-rollouts, rollout/bluegreen.go
FORCES = re.compile(r"--(?:force|force-replace|force-conflicts)(?![\w-])")
# Helm 3 does not have the flag, so a script adds it after a check of the version.
SETS_SERVER_SIDE = re.compile(r"--server-side=false|\{server_side:")
# The separator of commands in a line.
SEPARATOR = re.compile(r"\s*(?:&&|\|\||[;|])\s+")
# Assignments of variables and arrays in shells, and of variables in make.
QUOTED = r"""[^\s"'();]|"[^"]*"|'[^']*'"""
SHELL = re.compile(rf"""(?:^|[\s;(])(\w+)\+?=((?:{QUOTED})+|\((?:\s|{QUOTED})*\))""")
MAKE = re.compile(r"^(?:[^\s:=#]+:\s*)?(\w+)\s*[:?+]*=(.*)$", re.MULTILINE)
USE = re.compile(r"\$\$?(?:(\w+)|\{(\w+)[^}]*\}|\((\w+)\))")
Variables = Mapping[str, Sequence[str]]


def findings(root: Path) -> list[Finding]:
    """Return the commands of a repository's Makefile, scripts and workflows that harm a Rollout.

    `helm upgrade`, `install` and `rollback` must not use --wait or --force, and must disable
    server-side apply of Helm 4. Commands with values files that contain `strategy: rolling` are
    ignored, because they deploy no Rollout, and so is a repository that has charts, none of which
    has a Rollout. `kubectl replace`, and `kubectl apply` with force,
    overwrite the controller's part of a Service's selector. `status` of the plugin needs a timeout,
    and `undo` changes objects without the release.

    A variable or array has all values that its own file assigns. Values from other places are not
    known: arguments such as "$@", the environment, sourced files, `eval`, actions. The objects of
    kubectl commands are not known either, so a `replace` of other objects is a finding, too.

    Raises: BadInputError if a workflow is not valid YAML.
    """
    files = _select(Tree(root)) if may_have_rollouts(root) else []
    return [
        Finding("goldpath", "GP107", str(file.relative_to(root)), line, 0, "error", message)
        for file in files
        for line, command in _commands(file)
        for message in _messages(command, root)
    ]


def _commands(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each command, with its variables expanded."""
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
        raise BadInputError(f"{file} is not valid YAML: {' '.join(str(error).split())}") from error


def _texts(
    node: yaml.Node | None, key: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, int, str]]:
    """Yield key, line number and value of every scalar below a node of a workflow, once each."""
    seen = set() if seen is None else seen
    if id(node) in seen:  # an alias; nested aliases would take too long
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _texts(value, str(name.value), seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _texts(value, "", seen)
    elif isinstance(node, yaml.ScalarNode):
        block = node.style in ("|", ">")  # the text starts on the next line
        yield key, node.start_mark.line + 1 + block, node.value


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number, from 0, and text of each line with its continuation lines, no comments."""
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
    """Replace each variable by all its values; unknown variables remain."""

    def values(use: re.Match[str]) -> str:
        name = next(filter(None, use.groups()))
        if name in inside or name not in variables or SETS_SERVER_SIDE.search(use[0]):
            return use[0]
        return " ".join(_expand(value, variables, inside | {name}) for value in variables[name])

    return USE.sub(values, text)


def _messages(command: str, root: Path) -> Iterator[str]:
    if (change := CHANGE.search(command)) and not _is_rolling(command, root):
        yield from _of_helm(change[1])
    if write := WRITE.search(command):
        if write[1] == "replace":
            yield "kubectl replace: the selector of a Service loses the live version"
        for flag in FORCES.findall(write[2]):
            yield f"{flag}: the selector of a Service loses the live version"
    if plugin := PLUGIN.search(command):
        if plugin[1] == "undo":
            yield "undo: the release of Helm does not record it; use helm rollback"
        elif "--timeout" not in plugin[2]:
            yield "status: without --timeout it waits forever while the Rollout is paused"


def _of_helm(flags: str) -> Iterator[str]:
    for flag in HANGS.findall(flags):
        yield f"{flag}: helm cannot read a Rollout and waits until its timeout"
    for flag in FORCES.findall(flags):
        yield f"{flag}: the new version of a Rollout goes live without a promotion"
    if not SETS_SERVER_SIDE.search(flags):
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
        "helm cannot read the status of a Rollout and waits until its timeout; with --force it "
        "overwrites the selectors of the controller.",
        "Remove --wait, --atomic and --force; add --server-side=false, and --timeout to `kubectl "
        "argo rollouts status`.",
        (CHECK,),
    ),
)  # fmt: skip
