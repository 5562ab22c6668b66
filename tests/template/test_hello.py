"""The workflow Hello: its script, the script that starts it, the workflow on this machine."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import ROOT, act, github, trees, yaml_text
from testing.github import GitHub
from testing.pinned import go_tool

SCRIPTS = ROOT / "template/scripts"


def _run(script: str, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [SCRIPTS / script, *arguments],
        env={"PATH": os.environ["PATH"], **env},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "[hello.sh] Hello Seungkyu"),
        (["Welcome"], "[hello.sh] Welcome Seungkyu"),
        (["Welcome", "Seungkyu"], "[hello.sh] Welcome Seungkyu"),
        (["", ""], "[hello.sh] Hello Seungkyu"),
    ],
)
def test_hello_prints_greeting_and_name_for_none_one_and_two_arguments(
    arguments: list[str], line: str
) -> None:
    done = _run("hello.sh", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{line}\n", "")


HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "| touch pwned #",
    "'\"'; touch pwned; '\"",
    "${IFS}$PATH",
    "-n",
    "--help",
    "-e \\n\\x41%s%n",
    "::set-output name=x::y",
    "%0Aresult=forged",
    "../../etc/passwd",
    "*",
    "안녕하세요 👋",
    "é" * 100,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hello_prints_a_hostile_input_as_it_is_and_runs_nothing(text: str, tmp_path: Path) -> None:
    output, summary = tmp_path / "output", tmp_path / "summary"
    done = subprocess.run(
        [SCRIPTS / "hello.sh", text, text],
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
        },
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    line = f"[hello.sh] {text} {text}\n"
    assert done.stdout.decode() == line
    assert output.read_text() == f"result={line}"
    assert summary.read_text() == f"    {line}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "summary"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\nresult=forged", "control character"),
        ("a\rb", "control character"),
        ("a\x1b[2Jb", "control character"),
        ("a\x7fb", "control character"),
        ("a\u0085b", "control character"),
        ("a\u2028b", "control character"),
        ("a\u202eb", "control character"),
        ("a##[set-output name=result;]b", "commands to the runner"),
        ("x" * 101, "has 101 characters; at most 100"),
        ("é" * 5000, "has 5000 characters; at most 100"),
    ],
)
def test_hello_refuses_control_characters_and_long_input_in_one_line(
    text: str, reason: str, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    for arguments, what in (([text], "greeting"), (["Hello", text], "name")):
        done = _run("hello.sh", *arguments, GITHUB_OUTPUT=str(output))
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith(f"hello: the {what} ")
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1
    assert not output.exists()


def test_hello_refuses_a_third_argument() -> None:
    done = _run("hello.sh", "Welcome", "Seungkyu", "again")
    assert (done.returncode, done.stdout) == (2, "")
    assert "3 arguments given" in done.stderr


# hello-dispatch.sh, with the real gh on a server that answers as GitHub does.


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A configuration folder of gh that sends everything to a socket."""
    folder = tmp_path / "gh"
    folder.mkdir()
    (folder / "config.yml").write_text(f"version: '1'\nhttp_unix_socket: {tmp_path}/github\n")
    return folder


@pytest.fixture
def hub(tmp_path: Path, configuration: Path) -> Iterator[GitHub]:  # noqa: ARG001  # names the socket
    with GitHub().on_socket(tmp_path / "github") as server:
        yield server


def _dispatch(
    configuration: Path, *arguments: str, **env: str
) -> "subprocess.CompletedProcess[str]":
    tools = f"{go_tool('gh').parent}:{os.environ['PATH']}"
    settings = {"GH_REPO": github.REPOSITORY, "GH_TOKEN": github.TOKEN, "HELLO_INTERVAL": "0"}
    # What gh would log if somebody asked for it counts as a log too.
    settings |= {"GH_CONFIG_DIR": str(configuration), "HOME": str(configuration), "PATH": tools}
    done = _run("hello-dispatch.sh", *arguments, **{**settings, **env})
    assert github.TOKEN not in done.stdout + done.stderr
    return done


RUN = f"https://github.com/{github.REPOSITORY}/actions/runs/{github.FIRST_RUN}"


def test_a_dispatch_starts_one_run_follows_it_and_ends_with_its_result(
    hub: GitHub, configuration: Path
) -> None:
    done = _dispatch(configuration, "Welcome", "Seungkyu", HELLO_CORRELATION_ID="argo-7")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [RUN, f"success {RUN}"]
    assert done.returncode == 0
    assert hub.runs == [{"greeting": "Welcome", "name": "Seungkyu", "correlation-id": "argo-7"}]
    assert len(hub.requests) == 4


def test_a_dispatch_without_arguments_leaves_the_inputs_to_the_workflow(
    hub: GitHub, configuration: Path
) -> None:
    assert _dispatch(configuration).returncode == 0
    assert hub.runs == [github.INPUTS]


def test_hostile_inputs_arrive_as_they_are(hub: GitHub, configuration: Path) -> None:
    for text in [*HOSTILE[:4], "@/etc/passwd", "true", "{owner}", "안녕 👋"]:
        assert _dispatch(configuration, text, text).returncode == 0
        assert hub.runs[-1]["greeting"] == hub.runs[-1]["name"] == text


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out"])
def test_a_run_that_does_not_succeed_is_the_status_1(
    conclusion: str, hub: GitHub, configuration: Path
) -> None:
    hub.conclusion = conclusion
    done = _dispatch(configuration)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, f"{conclusion} {RUN}")


LIMITS: list[dict[str, list[github.Fault]]] = [
    {"POST": [(429, github.LIMITED)]},
    {"GET": [(403, github.LIMITED)]},
]


@pytest.mark.parametrize("faults", LIMITS, ids=lambda faults: str(*faults))
def test_a_dispatch_waits_as_long_as_github_says(
    faults: dict[str, list[github.Fault]], hub: GitHub, configuration: Path
) -> None:
    hub.faults = {method: list(answers) for method, answers in faults.items()}
    begun = time.monotonic()
    assert _dispatch(configuration).returncode == 0
    assert time.monotonic() - begun >= 1
    assert len(hub.runs) == 1


def test_a_spent_hourly_limit_is_waited_for_until_it_is_renewed(
    hub: GitHub, configuration: Path
) -> None:
    hub.faults = {"GET": [(403, github.renewed_after(1))]}
    assert _dispatch(configuration).returncode == 0


def test_a_limit_longer_than_the_time_left_ends_it_at_once(
    hub: GitHub, configuration: Path
) -> None:
    hub.faults = {"GET": [(429, {"Retry-After": "3600"})]}
    done = _dispatch(configuration)
    assert done.returncode == 3
    assert "GitHub limits requests" in done.stderr
    assert RUN in done.stderr


def test_a_request_without_a_response_is_repeated(hub: GitHub, configuration: Path) -> None:
    hub.faults = {"GET": [(502, {}), (503, {})]}
    assert _dispatch(configuration).returncode == 0


def test_a_start_that_gets_no_answer_is_not_repeated(hub: GitHub, configuration: Path) -> None:
    hub.faults = {"POST": [(502, {})]}
    done = _dispatch(configuration)
    assert done.returncode == 3
    assert "GitHub answers 502" in done.stderr
    assert len(hub.requests) == 1


def test_a_refused_token_is_named_and_never_printed(hub: GitHub, configuration: Path) -> None:
    other = "ghp_somebody_elses"
    done = _dispatch(configuration, GH_TOKEN=other, GH_DEBUG="api")
    assert done.returncode == 3
    assert "GitHub refuses the token (401)" in done.stderr
    assert other not in done.stdout + done.stderr
    assert hub.runs == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_start_workflows_is_an_error_that_names_the_permission(
    status: int, hub: GitHub, configuration: Path
) -> None:
    hub.faults = {"POST": [(status, {})]}
    done = _dispatch(configuration)
    assert done.returncode == 3
    assert "Actions: write" in done.stderr
    assert len(hub.requests) == 1


def test_a_server_that_does_not_know_run_details_is_reported_as_old(
    hub: GitHub, configuration: Path
) -> None:
    hub.details = False
    done = _dispatch(configuration)
    assert done.returncode == 3
    assert "older than February 2026" in done.stderr


def test_a_run_that_never_ends_is_left_after_the_time_limit(
    hub: GitHub, configuration: Path
) -> None:
    hub.polls = None
    done = _dispatch(configuration, HELLO_TIMEOUT="1", HELLO_INTERVAL="1")
    assert done.returncode == 3
    assert f"The run may continue: {RUN}" in done.stderr


def test_a_dispatch_without_a_server_ends(configuration: Path) -> None:
    done = _dispatch(configuration)
    assert done.returncode == 3
    assert "GitHub answers nothing" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (["a", "b", "c"], {}, "3 arguments given"),
        ([], {"HELLO_INTERVAL": "soon"}, 'HELLO_INTERVAL is "soon"'),
        ([], {"HELLO_TIMEOUT": "-1"}, 'HELLO_TIMEOUT is "-1"'),
        ([], {"HELLO_TIMEOUT": "08"}, 'HELLO_TIMEOUT is "08"'),
    ],
)
def test_a_wrong_call_is_refused_before_any_request(
    arguments: list[str], env: dict[str, str], message: str, configuration: Path
) -> None:
    done = _dispatch(configuration, *arguments, **env)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


# The workflow itself, with act on this machine.


def _workflow(folder: Path) -> None:
    for name in ("scripts/hello.sh", ".github/workflows/hello.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "template" / name, folder / name)
    trees.commit(folder)


def test_the_workflow_runs_and_prints_the_line_of_the_story(tmp_path: Path) -> None:
    _workflow(tmp_path)
    inputs = ["--input", "greeting=Welcome", "--input", "name=Seungkyu"]
    log = act.run(tmp_path, "workflow_dispatch", "hello.yaml", *inputs)
    assert "  | [hello.sh] Welcome Seungkyu\n" in log
    assert "::set-output:: result=[hello.sh] Welcome Seungkyu\n" in log
    assert "Job succeeded" in log


def test_calls_in_one_run_do_not_share_a_group_if_their_ids_differ() -> None:
    text = (ROOT / "template/.github/workflows/hello.yaml").read_text()
    group = yaml_text.load(text)["concurrency"]["group"]
    assert "github.run_id" in group
    assert "inputs.correlation-id" in group


def test_a_hostile_input_of_the_workflow_is_printed_and_not_run(tmp_path: Path) -> None:
    _workflow(tmp_path)
    for text in ("$(touch pwned)", "'; touch pwned; '"):
        log = act.run(tmp_path, "workflow_dispatch", "hello.yaml", "--input", f"greeting={text}")
        assert f"  | [hello.sh] {text} Seungkyu\n" in log
    assert not list(tmp_path.rglob("pwned"))
