"""What every render promises, whatever the answers."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldpath.model import Render, Template
from goldpath.rendering.copier import render as goldpath_render
from testing import trees, yaml_text

DELIMITERS = re.compile(rb"#\{ |#%|%#|#\||\|#")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
DESCRIBED = {"README.md", "Dockerfile", ".copier-answers.yml"}
ILLEGAL = re.compile(r'[<>:"|?*\x00-\x1f\\]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.I)


def test_no_delimiter_is_left(rendered: Render) -> None:
    description = str(rendered.case.answers.get("description", "")).encode()
    # A description may hold anything, so the files that show such a one prove nothing.
    shown = DESCRIBED if DELIMITERS.search(description) else set()
    for path, content in trees.contents(rendered.root).items():
        assert path in shown or not DELIMITERS.search(content), path


def test_the_description_arrives_unchanged_whatever_it_holds(rendered: Render) -> None:
    answers = yaml_text.load((rendered.root / ".copier-answers.yml").read_text())
    if "description" in rendered.case.answers:
        assert answers["description"] == rendered.case.answers["description"]
    readme = (rendered.root / "README.md").read_text()
    name = answers["service_name"]
    shown = readme.partition(f"**{name}**")[2].partition("\n")[0]
    # The default begins with the name, which is not printed twice.
    default = answers["description"] == f"{name} is a gRPC service."
    assert shown.startswith(" " if default else ": ")
    shown = f"{name}{shown}" if default else shown.removeprefix(": ")
    # Every mark of Markdown is escaped, and without the escapes it is the description.
    assert re.sub(r"\\(.)", r"\1", shown) == answers["description"]
    assert not re.search(r"(?<!\\)[`*_\[\]<>&|~$]", re.sub(r"\\\\", "", shown))
    label = re.search(r'image\.description="(.*)" \\\n', (rendered.root / "Dockerfile").read_text())
    assert label
    assert re.sub(r"\\(.)", r"\1", label[1]) == answers["description"]
    assert not re.search(r'(?<!\\)["$]', re.sub(r"\\\\", "", label[1]))


def test_a_name_is_legal_on_windows_and_unique_ignoring_case(rendered: Render) -> None:
    paths = trees.files(rendered.root)
    for path in paths:
        assert not [part for part in path.parts if ILLEGAL.search(part)], path
    assert len({str(path).lower() for path in paths}) == len(paths)


def test_a_file_ends_with_exactly_one_newline(rendered: Render) -> None:
    for path, content in trees.contents(rendered.root).items():
        assert content.endswith(b"\n"), path
        assert not content.endswith(b"\n\n"), path


def test_scripts_and_nothing_else_are_executable(rendered: Render) -> None:
    for path in trees.files(rendered.root):
        file = rendered.root / path
        executable = bool(file.stat().st_mode & stat.S_IXUSR)
        assert executable == file.read_bytes().startswith(b"#!"), path


def test_the_root_stays_readable_at_a_glance(rendered: Render) -> None:
    assert len(list(rendered.root.iterdir())) <= 24


def test_a_second_copy_changes_nothing(
    rendered: Render, render: trees.Renderer, tmp_path: Path
) -> None:
    folder = render.into(rendered.case, tmp_path / rendered.case.folder).root
    goldpath_render(render.template, rendered.case, folder)
    assert trees.contents(folder) == trees.contents(rendered.root)


def test_every_question_is_used(template: Template, snapshot: Path) -> None:
    sources = [path.read_text() for path in snapshot.joinpath("template").rglob("*.jinja")]
    names = [str(path) for path in (snapshot / "template").rglob("*")]
    blocks = re.split(r"^(?=\w+:)", (snapshot / "copier.yml").read_text(), flags=re.M)
    for question in template.questions:
        # Its own default and validator are no use of it, and nor is a comment.
        others = [re.sub(r"^ *#[^{%].*", "", b, flags=re.M) for b in blocks]
        others = [block for block in others if not block.startswith(f"{question.name}:")]
        text = "\n".join([*sources, *names, *others])
        used = re.search(rf"#[{{%][^#]*?\b{question.name}\b", text)
        # The last question only refuses changed answers.
        assert used or question not in trees.ASKED, f"{question.name} is asked and never used"


def test_every_question_in_the_feature_table_has_its_own_default_there(template: Template) -> None:
    # An update renders the newest table with the answers of an older version.
    table = "".join(template.settings["_exclude"])
    # A question that older versions do not have is not answered: nothing is excluded then.
    table = re.sub(r"if (\w+) is defined and '[\w-]+' not in \1 %#", "if true %#", table)
    for question in template.questions:
        for use in re.finditer(rf"\b{question.name}\b(.*?)(?==|%#|\band\b|\bor\b)", table):
            assert re.fullmatch(r" \| default\('[^']+'\) ", use[1]), use[0]


def test_an_answer_appears_in_every_file_that_is_rendered(snapshot: Path) -> None:
    for path in (snapshot / "template").rglob("*"):
        if path.is_file():
            rendered = b"#{" in path.read_bytes() or b"#%" in path.read_bytes()
            assert rendered == (path.suffix == ".jinja"), f"{path}: .jinja only where an answer is"


@pytest.mark.parametrize(
    "name",
    ["README.md", "AGENTS.md", "docs/template.md", ".github/CONTRIBUTING.md"],
)
def test_links_paths_and_make_targets_of_a_document_exist(rendered: Render, name: str) -> None:
    text = (rendered.root / name).read_text()
    targets = _targets(rendered.root)
    for target in re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.M):
        assert target in targets, f"make {target}"
    # The description may look like a path and is none of the document's.
    text = re.sub(r"^\*\*.*", "", text, count=1, flags=re.M)
    text = CHANGES.sub("", text)
    for path in _paths(text):
        found = list(rendered.root.rglob(path.strip("/")))
        assert found or path in _EXTENSION_POINTS, path


# The table of changed answers names what other answers bring.
CHANGES = re.compile(r"^\| answer \| change .*?\n\n", re.M | re.S)
# Named by the documents, made by users.
_EXTENSION_POINTS = {
    ".github/workflows/",
    ".golangci.local.yml",
    ".secrets/password",
    "Dockerfile.dockerignore",
    ".hadolint.local.yaml",
    ".yamllint.local.yaml",
    "Makefile.local",
    "compose.override.yaml",
}


# Paths in the repository; not those that users create, and of GitHub's API.
INSIDE = re.compile(r"(?<![\w/.#}{-])((?:scripts|docs|deploy|internal|cmd|\.github)/[\w./-]*\w)")
ELSEWHERE = re.compile(r"deploy/(cluster-api/(our|staging)|environments/staging)")


def test_documents_and_workflows_name_only_what_this_copy_has(rendered: Render) -> None:
    root = rendered.root
    targets = _targets(root)
    documents = {*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob(".github/**/*.*")}
    for file in documents:
        text = CHANGES.sub("", file.read_text().replace(root.name, "NAME"))
        for path in INSIDE.findall(text):
            found = (root / path.replace("NAME", root.name)).exists() or [*root.glob(f"{path}.*")]
            assert found or ELSEWHERE.match(path), f"{file.name}: {path}"
        for target in re.findall(r"(?:`|^|run: )make ([a-z][a-z-]*[a-z])(?![\w-])", text, re.M):
            assert target in targets, f"{file.name}: make {target}"
        for link, anchor in re.findall(r"\]\(([\w/.]*\.md)?(?:#([\w-]+))?\)", text):
            linked = file.parent / link if link else file
            assert linked.is_file(), f"{file.name}: {link}"
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.M)
            slugs = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
            assert not anchor or anchor in slugs, f"{file.name}: {link}#{anchor}"


IMAGE = re.compile(r"\.io/|\.amazonaws\.com/")


def _targets(root: Path) -> set[str]:
    """Return the make targets of a copy; those of cluster-% are the commands of a script."""
    script = root / "scripts/cluster-api.sh"
    usage = re.findall(r"^#   ([a-z]+) ", script.read_text(), re.M) if script.exists() else []
    lines = re.findall(r"^([a-z][a-z -]*):", (root / "Makefile").read_text(), re.M)
    return {f"cluster-{command}" for command in usage} | set(" ".join(lines).split())


def _paths(text: str) -> Iterator[str]:
    for quoted in re.findall(r"`([^`\s]+)`", text):
        # A word with a slash or a dot is a path, unless it is the image.
        if re.search(r"[/.]|^(Makefile|Dockerfile|LICENSE)$", quoted) and not IMAGE.search(quoted):
            yield quoted
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if not link.startswith("http"):
            yield link.partition("#")[0]


def test_a_secret_of_the_containers_is_a_file_that_git_ignores(
    rendered: Render, tmp_path: Path
) -> None:
    compose = yaml_text.load((rendered.root / "compose.yaml").read_text())
    trees.git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text((rendered.root / ".gitignore").read_text())
    for secret in compose.get("secrets", {}).values():
        # Docker Compose refuses secrets from the environment for a read-only container.
        assert trees.git(tmp_path, "check-ignore", secret["file"])
