"""What brings new versions: the workflow's script, Renovate, and what both leave alone."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldpath.model import Case
from testing import ROOT, trees, yaml_text
from testing.git_server import STRANGER, TOKEN, GitServer

FIRST, SECOND, THIRD = "v1.0.0", "v2.0.0", "v3.0.0"
SMALL = (".copier", ".github", ".gitignore", "#{", "Makefile", "LICENSE", "scripts")
RENOVATE = ".github/renovate.json5"
WORKFLOW_FILES = {".github/workflows/template-update.yaml", "scripts/template-update.sh"}
WORKFLOW = ".github/workflows/hello.yaml"

PIPX = """#!/usr/bin/env bash
echo "$1 $2 $3 $4" >>"$CALLS/pipx"
shift 4
[ -z "${GH_TOKEN:-}" ] || { echo "Copier gets the token of the repository" >&2; exit 1; }
exec "$COPIER" "$@"
"""
# What it is asked to open is written down with its text; what is open is one number in a file.
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS/gh"
while [ $# -gt 0 ]; do
    case $1 in
    list) cat "$CALLS/open" 2>/dev/null || true ;;
    create) [ ! -e "$CALLS/refuse" ] || { echo "GitHub Actions is not permitted" >&2; exit 1; } ;;
    --body-file) cp "$2" "$CALLS/body" ;;
    esac
    shift
done
"""


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def releases(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of the template that stays outside the service, as a repository with releases."""
    root = tmp_path_factory.mktemp("releases") / "template"
    trees.small(snapshot, root, SMALL)
    trees.commit(root, tag=FIRST)
    _edit(root / "template/Makefile.jinja", "##@ Check\n", "##@ Check it\n")
    trees.commit(root, tag=SECOND)
    _edit(root / "template" / WORKFLOW, "timeout-minutes: 5", "timeout-minutes: 6")
    trees.build_file_tree(root / "template", {".github/workflows/added.yaml": "---\nname: Added\n"})
    trees.commit(root, tag=THIRD)
    return root


@pytest.fixture(scope="module")
def days(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same repository on the day of each release: later ones are not there yet."""
    folder = tmp_path_factory.mktemp("days")
    found = {}
    for version in (FIRST, SECOND, THIRD):
        found[version] = folder / version
        options = ("--quiet", "--bare", "--branch", version)
        trees.git(folder, "clone", *options, str(releases), version)
        for tag in (FIRST, SECOND, THIRD):
            if tag > version:
                trees.git(found[version], "tag", "--delete", tag)
    return found


@pytest.fixture(scope="module")
def copied(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository generated from the first release, beside its origin."""
    folder = tmp_path_factory.mktemp("copied")
    root = folder / "payments-api"
    options = ("--defaults", "--vcs-ref", FIRST, "--data", "updates=dependabot")
    done = trees.copier("copy", *options, releases, root)
    assert done.returncode == 0, done.stderr
    trees.commit(root)
    trees.git(folder, "clone", "--quiet", "--bare", str(root), "origin.git")
    trees.git(root, "remote", "add", "origin", "../origin.git")
    for name, text in (("pipx", PIPX), ("gh", GH)):
        trees.build_file_tree(folder, {f"bin/{name}": text})
        (folder / "bin" / name).chmod(0o755)
    return folder


class Project:
    """A generated repository with its bare origin; the calls of gh and pipx are recorded."""

    def __init__(self, releases: Path, days: dict[str, Path], folder: Path) -> None:
        self.releases, self.days = releases, days
        self.root, self.calls = folder / "payments-api", folder / "calls"
        self.origin = folder / "origin.git"
        self.calls.mkdir()
        self.path = f"{folder}/bin:{os.environ['PATH']}"

    def update(self, version: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run the step of the workflow on a fresh clone, when `version` is the newest."""
        clone = self.root.with_name("clone")
        shutil.rmtree(clone, ignore_errors=True)
        trees.git(self.root.parent, "clone", "--quiet", str(self.origin), str(clone))
        return subprocess.run(
            ["scripts/template-update.sh"],
            cwd=clone,
            env={**self.env(version), "GH_TOKEN": "of-this-repository", **env},
            text=True,
            capture_output=True,
            check=False,
        )

    def env(self, version: str) -> dict[str, str]:
        """Return the environment of a day on which `version` is the newest."""
        return {
            **os.environ,
            "PATH": self.path,
            "CALLS": str(self.calls),
            "COPIER": str(Path(sys.executable).with_name("copier")),
            "COPIER_CACHE_DIR": str(self.calls / "cache"),
            # The answers name the repository with all releases; git is told where this day's is.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self.days[version]}.insteadOf",
            "GIT_CONFIG_VALUE_0": str(self.releases),
        }

    def push(self, file: str, text: str) -> None:
        """Commit a file to main, as somebody of the team would."""
        trees.build_file_tree(self.root, {file: text})
        trees.commit(self.root)
        trees.git(self.root, "push", "--quiet", "origin", "main")

    def comes_from(self, url: str) -> None:
        """Let the answers name this as the template's place."""
        text = (self.root / ".copier-answers.yml").read_text()
        self.push(".copier-answers.yml", re.sub("(?m)^_src_path: .*", f"_src_path: {url}", text))

    def proposed(self, file: str) -> str:
        """Return a file as it is on the branch of the pull request."""
        return trees.git(self.origin, "show", f"template-update:{file}")

    def branches(self) -> list[str]:
        return trees.git(self.origin, "branch", "--format=%(refname:short)").split()

    def called(self, name: str = "gh") -> list[str]:
        file = self.calls / name
        return file.read_text().splitlines() if file.exists() else []

    def body(self) -> str:
        return (self.calls / "body").read_text()


@pytest.fixture
def project(releases: Path, days: dict[str, Path], copied: Path, tmp_path: Path) -> Project:
    shutil.copytree(copied, tmp_path / "team")
    return Project(releases, days, tmp_path / "team")


def test_without_a_newer_version_nothing_is_proposed(project: Project) -> None:
    done = project.update(FIRST)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f"template-update: the template has no newer version than {FIRST}.",
    )
    pinned = re.search(r'"copier==(\S+)"', (ROOT / "pyproject.toml").read_text())
    assert pinned
    assert project.called("pipx") == [f"run --spec copier=={pinned[1]} copier"]
    assert project.branches() == ["main"]
    assert project.called() == []


def test_a_clean_update_becomes_a_pull_request_that_can_be_merged(project: Project) -> None:
    done = project.update(SECOND)
    assert done.returncode == 0, done.stderr
    assert "##@ Check it\n" in project.proposed("Makefile")
    assert f"_commit: {SECOND}\n" in project.proposed(".copier-answers.yml")
    assert "##@ Check\n" in trees.git(project.origin, "show", "main:Makefile")
    create = project.called()[-1]
    assert create.startswith("pr create --head template-update --base main --title Update the temp")
    assert "--draft" not in create
    assert f"from {FIRST} to {SECOND}" in project.body()
    assert "## " not in project.body()


def test_a_conflict_becomes_a_draft_that_names_the_files(project: Project) -> None:
    text = (project.root / "Makefile").read_text()
    project.push("Makefile", text.replace("##@ Check\n", "##@ Check ours\n"))
    done = project.update(SECOND)
    assert done.returncode == 0, done.stderr
    assert project.called()[-1].endswith("--draft")
    assert "- Makefile: conflict markers of copier update" in project.body()
    assert "<<<<<<< before updating\n##@ Check ours\n" in project.proposed("Makefile")


def test_workflows_that_the_token_cannot_push_are_left_and_named(project: Project) -> None:
    done = project.update(THIRD)
    assert done.returncode == 0, done.stderr
    assert "timeout-minutes: 5" in project.proposed(WORKFLOW)
    changed = trees.git(project.origin, "diff", "--name-only", "main", "template-update").split()
    assert changed == [".copier-answers.yml", "Makefile"]
    body = project.body()
    assert f"- {WORKFLOW}\n" in body
    assert "- .github/workflows/added.yaml\n" in body
    assert "GITHUB_TOKEN) can never push workflow files" in body
    assert '"Workflows": write' in body
    assert project.called()[-1].endswith("--draft")
    # Somebody of the team does what the text says.
    commands = re.findall(r"^    (.*)$", body, re.M)
    assert len(commands) == 4
    subprocess.run(
        ["bash", "-euc", "\n".join(commands)], cwd=project.root, env=project.env(THIRD), check=True
    )
    assert "timeout-minutes: 6" in project.proposed(WORKFLOW)
    assert "##@ Check it\n" in project.proposed("Makefile")


def test_a_token_of_an_app_pushes_workflows_like_any_file(project: Project) -> None:
    done = project.update(THIRD, MAY_PUSH_WORKFLOWS="true")
    assert done.returncode == 0, done.stderr
    assert "timeout-minutes: 6" in project.proposed(WORKFLOW)
    assert project.proposed(".github/workflows/added.yaml")
    assert "--draft" not in project.called()[-1]


def test_a_version_is_proposed_once_and_the_next_one_in_the_same_pull_request(
    project: Project,
) -> None:
    project.update(SECOND)
    tip = trees.git(project.origin, "rev-parse", "template-update")
    again = project.update(SECOND)
    assert "is proposed already" in again.stdout
    assert trees.git(project.origin, "rev-parse", "template-update") == tip
    (project.calls / "open").write_text("7\n")
    done = project.update(THIRD)
    assert done.returncode == 0, done.stderr
    assert [call.split()[:3] for call in project.called()[-2:]] == [
        ["pr", "edit", "7"],
        ["pr", "ready", "7"],
    ]
    assert f"_commit: {THIRD}\n" in project.proposed(".copier-answers.yml")


def test_a_repository_that_forbids_workflows_to_open_pull_requests_is_an_error_with_the_setting(
    project: Project,
) -> None:
    (project.calls / "refuse").touch()
    done = project.update(SECOND)
    assert done.returncode == 1
    assert "Allow GitHub Actions to create and approve pull requests" in done.stderr


def test_changes_that_are_not_committed_are_not_swept_into_an_update(project: Project) -> None:
    (project.root / "Makefile").write_text("ours\n")
    done = subprocess.run(
        [project.root / "scripts/template-update.sh"],
        env=project.env(FIRST),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert "changes that are not committed" in done.stderr
    assert (project.root / "Makefile").read_text() == "ours\n"


def test_an_update_starts_from_a_repository_without_leftovers_of_the_last_one(
    project: Project,
) -> None:
    project.push("Makefile.rej", "ours\n")
    done = project.update(SECOND)
    assert done.returncode == 1
    assert "Makefile.rej: rejected hunks" in done.stderr
    assert project.called("pipx") == []


def test_an_edit_is_seen_under_settings_of_git_with_which_copier_loses_it(
    project: Project,
) -> None:
    text = (project.root / "Makefile").read_text()
    project.push("Makefile", text.replace("##@ Check\n", "##@ Check ours \n"))
    settings = {"GIT_CONFIG_COUNT": "3"}
    bad = (("status.showUntrackedFiles", "no"), ("apply.whitespace", "error"))
    for number, (key, value) in enumerate(bad, 1):
        settings |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    done = project.update(SECOND, **settings)
    assert done.returncode == 0, done.stderr
    assert "<<<<<<< before updating\n##@ Check ours \n" in project.proposed("Makefile")
    assert project.called()[-1].endswith("--draft")


# A template that not everybody may read.


def test_the_workflow_gives_the_script_what_it_reads(render: trees.Renderer) -> None:
    root = _copy("dependabot", render)
    workflow = yaml_text.load((root / ".github/workflows/template-update.yaml").read_text())
    *_, step = workflow["jobs"]["update"]["steps"]
    assert step["run"] == "scripts/template-update.sh"
    script = (root / step["run"]).read_text()
    assert set(re.findall(r"^# ([A-Z_]+)  ", script, re.M)) | {"GH_TOKEN"} == step["env"].keys()
    tokens = "${{ steps.template.outputs.token || secrets.TEMPLATE_UPDATE_READ_TOKEN }}"
    assert step["env"]["TEMPLATE_TOKEN"] == tokens


@pytest.fixture
def server(days: dict[str, Path], tmp_path: Path) -> Iterator[GitServer]:
    """A server with the template on the day of the second release."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/template.git").symlink_to(days[SECOND])
    with GitServer(tmp_path).running() as running:
        yield running


def test_a_private_template_is_read_with_its_token_which_nothing_keeps(
    project: Project, server: GitServer
) -> None:
    project.comes_from(f"{server.url}/acme/template.git")
    done = project.update(SECOND, TEMPLATE_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    assert "##@ Check it\n" in project.proposed("Makefile")
    assert TOKEN not in done.stdout + done.stderr
    files = [*project.calls.rglob("*"), *project.root.with_name("clone").rglob("*")]
    assert not [file for file in files if file.is_file() and TOKEN.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("token", "cause"),
    [
        ("", "{url} requires authentication: set a token for the template"),
        ("expired", "the server of {url} rejects the token for the template"),
        (STRANGER, '{url} does not exist, or the token lacks "Contents: read"'),
    ],
    ids=["no-token", "expired", "without-permission"],
)
def test_a_template_that_may_not_be_read_is_named_with_the_cause(
    token: str, cause: str, project: Project, server: GitServer
) -> None:
    url = f"{server.url}/acme/template.git"
    project.comes_from(url)
    done = project.update(SECOND, TEMPLATE_TOKEN=token)
    assert done.returncode == 1
    assert cause.format(url=url) in done.stderr
    assert "docs/template.md" in done.stderr
    assert project.branches() == ["main"]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("git@template.invalid:acme/template.git", "https://template.invalid/acme/template.git"),
        ("ssh://git@template.invalid:2222/acme/template.git", "https://template.invalid/acme/"),
    ],
)
def test_a_token_replaces_an_ssh_key_and_an_unavailable_server_is_reported(
    source: str, asked: str, project: Project
) -> None:
    project.comes_from(source)
    done = project.update(SECOND, TEMPLATE_TOKEN=TOKEN)
    assert done.returncode == 1
    assert asked in done.stdout
    assert f"the server of {source} cannot be reached" in done.stderr


def test_a_version_that_needs_trust_is_left_to_a_person(project: Project, tmp_path: Path) -> None:
    template = tmp_path / "template"
    trees.git(tmp_path, "clone", "--quiet", str(project.days[SECOND]), str(template))
    _edit(
        template / "copier.yml", "_migrations: []", "_migrations: [{version: v2.1.0, command: x}]"
    )
    trees.commit(template, tag="v2.1.0")
    project.comes_from(str(template))
    done = project.update(SECOND)
    assert done.returncode == 1
    assert "run copier update --trust manually" in done.stderr


def test_a_token_in_the_url_of_the_template_is_not_recorded(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPIER_CACHE_DIR", str(tmp_path / "cache"))
    url = f"{server.url}/acme/template.git"
    secret = url.replace("//", f"//x-access-token:{TOKEN}@")
    done = trees.copier("copy", "--defaults", secret, tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert f"_src_path: {url}\n" in (tmp_path / "copy/.copier-answers.yml").read_text()
    assert not any(TOKEN.encode() in text for text in trees.contents(tmp_path / "copy").values())


def test_a_token_that_was_recorded_is_refused_before_a_log_has_it(project: Project) -> None:
    project.comes_from(f"https://x-access-token:{TOKEN}@template.invalid/acme/template.git")
    done = project.update(SECOND)
    assert done.returncode == 1
    assert ".copier-answers.yml: credentials in the URL of the template" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert project.called("pipx") == []


# Renovate.


def test_renovate_as_the_field_runs_it_updates_a_copy(snapshot: Path, tmp_path: Path) -> None:
    template, root = tmp_path / "template", tmp_path / "payments-api"
    trees.small(snapshot, template, SMALL)
    trees.commit(template, tag=FIRST)
    done = trees.copier("copy", "--defaults", "--vcs-ref", FIRST, template, root)
    assert done.returncode == 0, done.stderr
    trees.commit(root)
    _edit(template / "template/Makefile.jinja", "##@ Check\n", "##@ Check it\n")
    trees.commit(template, tag=SECOND)
    # https://github.com/renovatebot/renovate, lib/modules/manager/copier/artifacts.ts; no --trust.
    options = ("--skip-answered", "--defaults", "--answers-file", ".copier-answers.yml")
    done = trees.copier("update", *options, "--vcs-ref", SECOND, cwd=root)
    assert done.returncode == 0, done.stderr
    assert trees.git(root, "status", "--porcelain").splitlines() == [
        " M .copier-answers.yml",
        " M Makefile",
    ]


def _copy(updates: str, render: trees.Renderer) -> Path:
    return render(Case(updates, {"updates": updates})).root


@pytest.mark.parametrize(
    ("updates", "files"),
    [
        ("renovate", {".github/renovate.json5"}),
        ("dependabot", {".github/dependabot.yml", *WORKFLOW_FILES}),
        ("none", set()),
    ],
)
def test_a_copy_has_the_files_of_its_answer_and_no_others(
    updates: str, files: set[str], render: trees.Renderer
) -> None:
    root = _copy(updates, render)
    every = {".github/renovate.json5", ".github/dependabot.yml", *WORKFLOW_FILES}
    assert {file for file in every if (root / file).exists()} == files


def _pinned_by_the_template(root: Path) -> set[str]:
    return {
        str(file.relative_to(root))
        for file in root.glob(".github/workflows/*")
        if "uses:" in file.read_text()
    }


def test_renovate_leaves_the_files_of_the_template_alone(render: trees.Renderer) -> None:
    root = _copy("renovate", render)
    config = yaml_text.load(re.sub(r"^\s*//.*", "", (root / RENOVATE).read_text(), flags=re.M))
    (off,) = [rule for rule in config["packageRules"] if rule.get("enabled") is False]
    pinned = {*_pinned_by_the_template(root), "Dockerfile", "compose.yaml"}
    assert pinned <= set(off["matchFileNames"])
    # Its manager for Copier is on, unless something turns it off.
    assert "copier" not in {*config.get("ignoreDeps", ()), *off.get("matchManagers", ())}


def test_dependabot_leaves_the_files_of_the_template_alone(render: trees.Renderer) -> None:
    root = _copy("dependabot", render)
    config = yaml_text.load((root / ".github/dependabot.yml").read_text())
    (actions,) = [u for u in config["updates"] if u["package-ecosystem"] == "github-actions"]
    assert _pinned_by_the_template(root) <= set(actions["exclude-paths"])
    # The template pins the images of Dockerfile and compose.yaml.
    assert not [u for u in config["updates"] if u["package-ecosystem"].startswith("docker")]
    assert all(update["cooldown"] == {"default-days": 7} for update in config["updates"])
