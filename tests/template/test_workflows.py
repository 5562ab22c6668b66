"""Every script of every workflow, run as a runner would, with names that mean harm."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from goldpath.cases import answers_file
from goldpath.model import Case, Render
from testing import ROOT, trees, yaml_text
from testing.hostile import CANARY, NAMES
from testing.steps import Done, Step, checkout, run, steps

SHA = "0123456789abcdef0123456789abcdef01234567"
DIGEST = f"sha256:{'0' * 64}"
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
HUB = answers_file.from_file(ROOT / "tests/answers/valid/tks-contract.yml", trees.TEMPLATE)
GHCR = answers_file.from_file(ROOT / "tests/answers/valid/managed-user.yml", trees.TEMPLATE)
ECR = answers_file.from_file(ROOT / "tests/answers/valid/ecr.yml", trees.TEMPLATE)
BRANCH, REF = "github.head_ref", "GITHUB_REF_NAME"
AUTHOR, FORK = (
    "github.event.pull_request.user.login",
    "github.event.pull_request.head.repo.full_name",
)


class Context(dict[str, str]):
    """What a runner knows of a run; all that others may choose is one name."""

    def __init__(self, name: str, **given: str) -> None:
        super().__init__(
            {
                "GITHUB_REF_NAME": name,
                "GITHUB_HEAD_REF": name,
                "GITHUB_REPOSITORY": "acme/service",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_SHA": SHA,
                "github.token": "token-of-github",
                "github.repository": "acme/service",
                "github.event.pull_request.number": "7",
                "github.event.pull_request.head.sha": SHA,
                "github.event.pull_request.head.repo.full_name": "acme/service",
                "secrets.DOCKERHUB_USERNAME": "user",
                "secrets.DOCKERHUB_TOKEN": "token-of-hub",
                "secrets.DEPLOY_KUBECONFIG": "token-of-cluster",
                "runner.temp": ".",
                "steps.build.outputs.digest": DIGEST,
            }
        )
        self.name = name
        self.update(given)

    def __missing__(self, expression: str) -> str:
        return self.name


@pytest.fixture(scope="module")
def repositories(
    render: trees.Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """A checkout for each registry, whose answer decides what its scripts do."""
    found = {}
    for case in (HUB, GHCR, ECR):
        # With the script of template-update.yaml, which a repository with Renovate does not have.
        extras = ["client", "deploy", "manual-workflow", "release"]
        full = Case("updates", {**case.answers, "updates": "dependabot", "extras": extras})
        folder = tmp_path_factory.mktemp("repository")
        found[case.answers.get("registry", "docker.io")] = checkout(render(full).root, folder)
    return found


@pytest.fixture(scope="module")
def repository(repositories: Mapping[str, Path]) -> Path:
    return repositories["docker.io"]


def _step(case: Case, place: str, render: trees.Renderer) -> Step:
    (found,) = [step for step in steps(render(case).root) if step.place.endswith(place)]
    return found


@pytest.fixture(scope="module")
def every_step(
    render: trees.Renderer, repositories: Mapping[str, Path]
) -> Collection[tuple[Step, Path]]:
    """The steps of all cases with a checkout, those that are the same in several of them once."""
    found = {}
    for case in trees.CASES:
        repository = repositories[case.answers.get("registry", "docker.io")]
        for step in steps(render(case).root):
            found[step.run, tuple(name for name, _ in step.env), repository] = step, repository
    return found.values()


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_step_executes_a_name_or_takes_an_output_from_it(
    name: str, every_step: Collection[tuple[Step, Path]]
) -> None:
    for step, repository in every_step:
        done = run(step, repository, Context(name))
        assert not (repository / CANARY).exists(), step.place
        assert done.status in (0, 1, 2), f"{step.place}: {done.printed}"
        assert "syntax error" not in done.printed, step.place
        assert "command not found" not in done.printed, step.place
        assert not COMMAND.search(done.printed), step.place
        # No value is the whole of another line, so a name has not made an output of its own.
        assert set(done.outputs) <= OUTPUTS, step.place
    for _, repository in every_step:
        assert not list(repository.rglob(CANARY))


# What the runner takes for a command in what a step prints, but for the one that names a setting:
# https://github.com/actions/runner, src/Runner.Common/ActionCommand.cs
COMMAND = re.compile(r"^\s*::(?!error title=\w+ is not set::)[\w-]+.*?::|##\[[\w-]+.*?\]", re.M)
OUTPUTS = {
    *("push", "tags", "version", "prerelease", "file", "reference"),
    "HELM_VERSION",
    "result",
}


def test_no_script_of_a_workflow_holds_an_expression(rendered: Render) -> None:
    for step in steps(rendered.root):
        assert "${{" not in step.run, step.place


PLAN = "image: Select the tags, and whether to push"


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_an_image_of_any_branch_has_three_valid_tags(
    name: str, render: trees.Renderer, repository: Path
) -> None:
    done = run(_step(HUB, PLAN, render), repository, Context("octocat", **{BRANCH: name}))
    assert done.status == 0, done.printed
    assert done.outputs["push"] == "true"
    images = done.outputs["tags"].split(",")
    assert {image.rpartition(":")[0] for image in images} == {"docker.io/seungkyu/tks-contract"}
    tags = [image.rpartition(":")[2] for image in images]
    assert all(map(TAG.fullmatch, tags))
    assert tags[1:] == ["pr-7", f"pr-7-{SHA[:12]}"]
    assert all(image in done.summary for image in images)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ({FORK: "mallory/service"}, "fork"),
        ({FORK: ""}, "fork"),  # of a fork that was deleted
        ({AUTHOR: "dependabot[bot]"}, "Dependabot"),
    ],
    ids=["fork", "deleted fork", "Dependabot"],
)
def test_an_image_without_secrets_is_built_and_not_pushed_and_the_summary_says_why(
    who: Mapping[str, str], reason: str, render: trees.Renderer, repository: Path
) -> None:
    done = run(_step(HUB, PLAN, render), repository, Context("octocat", **who))
    assert done.outputs["push"] == "false"
    assert "not pushed" in done.summary
    assert reason in done.summary


@pytest.mark.parametrize(
    ("now", "push"),
    [(f"open {SHA}", "true"), (f"closed {SHA}", "false"), (f"open {'1' * 40}", "false")],
    ids=["as it was", "closed", "newer commit"],
)
def test_a_repeated_run_does_not_restore_an_old_image_of_a_pull_request(
    now: str, push: str, render: trees.Renderer, repository: Path
) -> None:
    again = Context("octocat", GITHUB_RUN_ATTEMPT="2")
    done = run(_step(HUB, PLAN, render), repository, again, GH=f"{now}\n")
    assert done.calls.startswith("gh api repos/acme/service/pulls/7 ")
    assert done.outputs["push"] == push
    assert ("not pushed" in done.summary) == (push == "false")


def test_the_image_of_a_pull_request_is_built_from_the_commit_in_its_tag(
    rendered: Render,
) -> None:
    workflow = yaml_text.load((rendered.root / ".github/workflows/image-pr.yaml").read_text())
    by_name = {step["name"]: step for step in workflow["jobs"]["image"]["steps"]}
    commit = by_name["Check out"]["with"]["ref"]
    assert by_name["Select the tags, and whether to push"]["env"]["HEAD_SHA"] == commit
    build = by_name["Build, and push if permitted"]["with"]
    assert f"COMMIT={commit}\n" in build["build-args"]
    assert f"revision={commit}\n" in build["labels"]


LATEST = "image: Move latest unless main has a newer commit"
MINOR = "release: Move the tag of the minor version unless a newer patch exists"
STORY_IMAGE = "docker.io/seungkyu/tks-contract"


@pytest.mark.parametrize("newest", [SHA, "1" * 40])
def test_latest_names_the_image_of_the_newest_commit_of_main_only(
    newest: str, render: trees.Renderer, repository: Path
) -> None:
    done = run(_step(HUB, LATEST, render), repository, Context("main"), GH=f"{newest}\n")
    assert done.status == 0, done.printed
    moved = f"imagetools create --tag {STORY_IMAGE}:latest {STORY_IMAGE}@{DIGEST}"
    assert (moved in done.calls) == (newest == SHA)
    assert ("was not moved" in done.summary) == (newest != SHA)


@pytest.mark.parametrize(
    ("version", "tags", "moved"),
    [
        ("1.2.3", ["1.2.3"], True),
        ("1.2.10", ["1.2.9", "1.2.10"], True),
        ("1.2.9", ["1.2.9", "1.2.10"], False),
        ("1.2.9", ["1.2.9", "1.2.10-rc.1", "1.2.x"], True),
        ("1.2.3", [], False),
        ("1.2.3-rc.1", ["1.2.3-rc.1"], False),
    ],
)
def test_the_tag_of_a_minor_version_names_its_newest_patch_only(
    version: str, tags: list[str], moved: bool, render: trees.Renderer, repository: Path
) -> None:
    context = Context("x", **{"steps.version.outputs.version": version})
    refs = "".join(f"refs/tags/v{tag}\n" for tag in tags)
    done = run(_step(HUB, MINOR, render), repository, context, GH=refs)
    assert done.status == 0, done.printed
    create = f"imagetools create --tag {STORY_IMAGE}:1.2 {STORY_IMAGE}@{DIGEST}"
    assert (create in done.calls) == moved


@pytest.mark.parametrize("workflow", ["image-main", "release"])
def test_a_tag_moves_after_the_image_is_signed(workflow: str, render: trees.Renderer) -> None:
    file = render(HUB).root / f".github/workflows/{workflow}.yaml"
    (job,) = yaml_text.load(file.read_text())["jobs"].values()
    names = [step["name"] for step in job["steps"]]
    signed, moved = ("Sign image and chart by their digests", MINOR.partition(": ")[2])
    if workflow == "image-main":
        signed, moved = ("Sign the image by its digest", LATEST.partition(": ")[2])
    assert names.index(signed) < names.index(moved)
    (build,) = [step for step in job["steps"] if step.get("id") == "build"]
    assert build["with"]["tags"] in (
        "${{ env.IMAGE }}:sha-${{ github.sha }}",
        "${{ steps.version.outputs.tags }}",
    )


VERSION = "release: Check the tag"


@pytest.mark.parametrize(
    ("tag", "version", "prerelease"),
    [
        ("v1.2.3", "1.2.3", "false"),
        ("v0.0.0", "0.0.0", "false"),
        ("v1.2.3-rc.1", "1.2.3-rc.1", "true"),
    ],
)
def test_a_version_names_the_image_of_a_release(
    tag: str, version: str, prerelease: str, render: trees.Renderer, repository: Path
) -> None:
    done = run(_step(HUB, VERSION, render), repository, Context(tag))
    assert done.outputs == {
        "version": version,
        "tags": f"{STORY_IMAGE}:{version}",
        "prerelease": prerelease,
    }


@pytest.mark.parametrize(
    "tag", [*(name for name in NAMES if name != "v1.2.3"), "v1.2", "v01.2.3", "v1.2.3+build"]
)
def test_a_tag_that_is_no_version_is_refused_in_one_line(
    tag: str, render: trees.Renderer, repository: Path
) -> None:
    done = run(_step(HUB, VERSION, render), repository, Context(tag))
    assert done.status == 2
    assert len(done.printed.splitlines()) == 1
    assert "is no version; vMAJOR.MINOR.PATCH is accepted" in done.printed
    assert done.outputs == {}


@pytest.mark.parametrize("missing", ["DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN"])
def test_a_missing_secret_is_named_with_the_place_to_create_it_before_anything_is_built(
    missing: str, render: trees.Renderer, repository: Path
) -> None:
    for step in steps(render(HUB).root):
        if step.place.endswith("Check the secrets"):
            done = run(step, repository, Context("x", **{f"secrets.{missing}": ""}))
            assert done.status == 1
            (line,) = done.printed.splitlines()
            assert line.startswith(f"::error title={missing} is not set::")
            # docs/ci.md creates each secret in the environment of its job.
            assert f"gh secret set {missing} --repo acme/service --env " in line
            assert "https://github.com/acme/service/settings/environments" in line
    for file in (render(HUB).root / ".github/workflows").glob("*.yaml"):
        text = file.read_text()
        # There is nothing to scan before image-main.yaml has pushed, with the same secrets.
        if "docker/login-action" in text and file.name != "scan.yaml":
            assert text.index("require-settings.sh") < text.index("docker/login-action"), file.name


CLEAN = "clean: Delete the images of the pull request"
VERSIONS = f"1\tfeature-x pr-7 pr-7-{SHA[:12]}\n2\tpr-7-{'1' * 12}\n3\tpr-70\n4\t\n5\tpr-7 pr-8\n"


def test_closing_deletes_the_images_of_that_pull_request_only(
    render: trees.Renderer, repositories: Mapping[str, Path]
) -> None:
    context = Context("octocat", **{BRANCH: "feature/x"})
    done = run(_step(GHCR, CLEAN, render), repositories["ghcr.io"], context, GH=VERSIONS)
    assert done.status == 0, done.printed
    deleted = re.findall(
        r"DELETE users/jane-doe_acme/packages/container/ledger/versions/(\d)", done.calls
    )
    assert deleted == ["1", "2"]


def test_closing_deletes_them_from_docker_hub_too(render: trees.Renderer, repository: Path) -> None:
    tags = {"pr-7": 1, f"pr-7-{'1' * 12}": 2, "pr-70": 3, "feature-x": 1, "feature-x-2": 1}
    results = [{"name": tag, "digest": f"sha256:{digest}"} for tag, digest in tags.items()]
    answer = json.dumps({"access_token": "token-of-api", "results": results})
    context = Context("octocat", **{BRANCH: "feature/x"})
    done = run(_step(HUB, CLEAN, render), repository, context, CURL=answer)
    assert done.status == 0, done.printed
    deleted = re.findall(r"DELETE \S+/repositories/seungkyu/tks-contract/tags/(\S+)/", done.calls)
    assert deleted == ["pr-7", f"pr-7-{'1' * 12}", "feature-x"]


def test_a_tag_of_another_pull_request_with_a_like_branch_stays_at_docker_hub(
    render: trees.Renderer, repository: Path
) -> None:
    results = [{"name": "pr-7", "digest": "sha256:1"}, {"name": "feature-x", "digest": "sha256:2"}]
    answer = json.dumps({"access_token": "token-of-api", "results": results})
    context = Context("octocat", **{BRANCH: "feature/x"})
    done = run(_step(HUB, CLEAN, render), repository, context, CURL=answer)
    assert re.findall(r"DELETE \S+/tags/(\S+)/", done.calls) == ["pr-7"]


HUB_PAGES = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$STUB_LOG"
case "$*" in
*auth/token*) cat >/dev/null; echo '{"access_token": "token-of-api"}' ;;
*page=1\\&*) echo '{"results": [{"name": "pr-70", "digest": "sha256:2"}], "next": "page 2"}' ;;
*page=2\\&*) echo '{"results": [{"name": "pr-7", "digest": "sha256:1"}], "next": null}' ;;
esac
"""


def test_an_image_on_a_later_page_of_docker_hub_is_deleted_too(
    render: trees.Renderer, tmp_path: Path
) -> None:
    repository = checkout(render(HUB).root, tmp_path)
    (repository / "stubs/curl").write_text(HUB_PAGES)
    done = run(_step(HUB, CLEAN, render), repository, Context("octocat", **{BRANCH: "x"}))
    assert done.status == 0, done.printed
    assert re.findall(r"DELETE \S+/tags/(\S+)/", done.calls) == ["pr-7"]


@pytest.mark.parametrize(
    ("case", "program", "message", "status"),
    [
        (GHCR, "gh", "gh: Package not found. (HTTP 404)", 0),
        (GHCR, "gh", "gh: Server Error (HTTP 502)", 1),
        (HUB, "curl", "curl: (22) The requested URL returned error: 404", 0),
        (HUB, "curl", "curl: (22) The requested URL returned error: 503", 1),
    ],
    ids=["GHCR without images", "GHCR down", "Docker Hub without images", "Docker Hub down"],
)
def test_nothing_to_delete_is_no_failure_and_a_registry_that_is_down_is_one(
    case: Case, program: str, message: str, status: int, render: trees.Renderer, tmp_path: Path
) -> None:
    repository = checkout(render(case).root, tmp_path)
    fails = f"case \"$*\" in *versions* | */tags?*) echo '{message}' >&2; exit 22 ;; esac\n"
    text = (repository / "stubs" / program).read_text()
    (repository / "stubs" / program).write_text(text + fails)
    answers = {program.upper(): '{"access_token": "token-of-api"}'}
    context = Context("octocat", **{BRANCH: "x"})
    done = run(_step(case, CLEAN, render), repository, context, **answers)
    assert done.status == status, done.printed
    assert message in done.printed
    assert "DELETE" not in done.calls


def test_a_release_that_was_left_as_a_draft_is_published_by_the_next_run(
    render: trees.Renderer, repository: Path
) -> None:
    done = run(_step(HUB, "release: Publish the release", render), repository, Context("v1.2.3"))
    calls = [line.split()[:4] for line in done.calls.splitlines()]
    assert [call[1:3] for call in calls] == [
        ["release", "view"],
        ["release", "upload"],
        ["release", "edit"],
    ]
    assert "--draft=false" in done.calls


def test_an_app_without_its_key_is_an_error_that_names_the_missing_secret(
    render: trees.Renderer, repository: Path
) -> None:
    case = Case("updates", {**HUB.answers, "updates": "dependabot"})
    step = _step(case, "Check the private key of the app", render)
    done = run(step, repository, Context("x", **{"secrets.TEMPLATE_UPDATE_PRIVATE_KEY": ""}))
    assert done.status == 1
    assert "gh secret set TEMPLATE_UPDATE_PRIVATE_KEY" in done.printed


IMAGES = (
    f"sha256:1\tfeature-x\nsha256:1\tpr-7\nsha256:1\tpr-7-{'1' * 12}\n"
    "sha256:3\tpr-70\nsha256:4\tpr-7\nsha256:4\tpr-8\n"
)


def test_closing_deletes_them_from_ecr_too_and_a_refusal_fails(
    render: trees.Renderer, repositories: Mapping[str, Path]
) -> None:
    context = Context("octocat", **{BRANCH: "feature/x"})
    done = run(_step(ECR, CLEAN, render), repositories["ecr"], context, AWS=IMAGES)
    assert re.findall(r"batch-delete-image .*imageDigest=sha256:(\d)", done.calls) == ["1"]
    where = (
        "--registry-id 000123456789 --region ap-northeast-2 --repository-name acme-corp/ledger-ecr"
    )
    assert done.calls.count(where) == 2
    # The program that takes notes answers every call alike, so the deletion has "failures".
    assert done.status == 1
    assert "image-pr:  feature-x pr-7" in done.printed


def test_no_secret_is_an_argument_of_a_program_or_printed(
    every_step: Collection[tuple[Step, Path]],
) -> None:
    for step, repository in every_step:
        done = run(step, repository, Context("v1.2.3"), CURL='{"access_token": "token-of-api"}')
        for secret in ("token-of-hub", "token-of-github", "token-of-api", "token-of-cluster"):
            assert secret not in done.calls + done.printed + done.summary, step.place


def _push(done: Done) -> str:
    return next(line for line in done.calls.splitlines() if line.startswith("helm push"))


def test_a_release_pushes_its_chart_and_knows_it_by_its_digest(
    render: trees.Renderer, repository: Path
) -> None:
    step = _step(HUB, "release: Push the chart", render)
    done = run(step, repository, Context("1.2.3"), HELM=f"Pushed: x\nDigest: {DIGEST}\n")
    assert done.status == 0, done.printed
    assert _push(done).split() == [
        *("helm", "push", "build/tks-contract-1.2.3.tgz", "oci://ghcr.io/seungkyu/charts"),
    ]
    assert done.outputs["reference"] == f"ghcr.io/seungkyu/charts/tks-contract@{DIGEST}"


def test_a_private_repository_writes_to_no_public_log(rendered: Render) -> None:
    answers = yaml_text.load((rendered.root / ".copier-answers.yml").read_text())
    files = [*(rendered.root / ".github/workflows").glob("*.y*ml")]
    text = "".join(file.read_text() for file in files)
    public = answers["visibility"] == "public"
    for word in ("cosign sign", "actions/attest@", "attestations: write"):
        assert (word in text) == public, word
    # AWS takes the identity of a run instead of a stored secret; no log has it.
    publishing = "".join(file.read_text() for file in files if file.name != "deploy.yaml")
    assert public or answers["registry"] == "ecr" or "id-token: write" not in publishing
