"""The generated Go code builds, passes its own tests and is what its tools would generate."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from dev import postgres
from dev.mutants import database_env
from goldpath.model import Case, Render
from goldpath.runtime import process, toolchain
from goldpath.runtime.cache import cached_folder
from testing import trees

MINIMAL = Case("minimal", {"database": "none"})
COMPLETE = Case("complete", {"database": "postgresql"})
both_databases = pytest.mark.parametrize("case", [COMPLETE, MINIMAL], ids=lambda case: case.name)


def test_every_render_compiles(rendered: Render, shared: Path) -> None:
    sources = [rendered.root / path for path in trees.files(rendered.root)]
    go = [path for path in sources if path.suffix == ".go" or path.name in ("go.mod", "go.sum")]

    def compile_all(_: Path) -> None:
        trees.go_compile(rendered.root)

    # Renders with the same Go files are compiled once.
    cached_folder("compiled", trees.digest(rendered.root, go), compile_all, parent=shared)


@both_databases
def test_the_modules_are_exactly_those_the_code_needs(case: Case, render: trees.Renderer) -> None:
    command = ["go", "mod", "tidy", "-diff"]
    assert process.run(command, cwd=render(case).root, env=toolchain.go_env()).stdout == ""


def test_without_a_database_nothing_mentions_postgresql(render: trees.Renderer) -> None:
    root = render(MINIMAL).root
    assert "pgx" not in trees.go(root, "mod", "graph")
    for path, content in trees.contents(root).items():
        # But the table of changed answers, which names what they bring.
        text = re.sub(rb"(?ms)^\| answer \| change .*?\n\n", b"", content)
        # And the answer that brings the values of a chart with a database.
        text = text.replace(b'"database=postgresql"', b"")
        assert b"postgres" not in text.lower(), path


RACE = bool(shutil.which("cc") or shutil.which("gcc"))


def _tested(case: Case, render: trees.Renderer) -> str:
    """Run the generated tests on a database, with the race detector if it can be used."""
    root = render(case).root

    def test(folder: Path) -> None:
        # A folder that the user of a PostgreSQL server can pass through.
        with postgres.server() as server, postgres.scratch() as home:
            race = RACE and case is COMPLETE
            env = {**database_env(server, root, home), "CGO_ENABLED": str(int(race))}
            # The jobs of a copy test the other case for races; see test_ci_jobs.
            flags = ["-v", "-count=1", "-cover", *(["-race"] if race else [])]
            (folder / "output").write_text(trees.go(root, "test", *flags, "./...", **env))

    return (
        cached_folder("tested", case.name.encode(), test, parent=render.shared) / "output"
    ).read_text()


@both_databases
def test_the_generated_tests_pass_and_none_is_skipped(case: Case, render: trees.Renderer) -> None:
    output = _tested(case, render)
    assert "--- SKIP" not in output
    assert output.count("--- PASS") > 40
    coverage = dict(re.findall(r"ok\s+\S+/internal/(\S+)\s+\S+\s+coverage: ([\d.]+)%", output))
    assert coverage
    assert all(float(share) > 85 for share in coverage.values()), coverage


@pytest.mark.skipif(not RACE, reason="the race detector needs a C compiler; install gcc")
def test_the_generated_tests_find_no_race(render: trees.Renderer) -> None:
    assert "DATA RACE" not in _tested(COMPLETE, render)


def test_without_a_server_the_database_tests_say_what_they_need(render: trees.Renderer) -> None:
    output = trees.go(render(COMPLETE).root, "test", "-v", "-count=1", "./internal/postgres")
    assert "--- SKIP" in output
    assert "TEST_DBHOST" in output


def test_the_generated_code_of_the_api_is_current(render: trees.Renderer, tmp_path: Path) -> None:
    root = render.into(COMPLETE, tmp_path / "payments-api").root
    committed = trees.contents(root / "api")
    for file in (root / "api").rglob("*.pb.go"):
        file.unlink()
    process.run(["make", "-s", "proto"], cwd=root, env=toolchain.go_env())
    assert trees.contents(root / "api") == committed


def test_make_check_needs_go_only_and_lists_what_it_skipped(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(COMPLETE, tmp_path / "payments-api").root
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("go", "gofmt"):
        goroot = process.run(["go", "env", "GOROOT"], cwd=root, env=toolchain.go_env()).stdout
        (bare / name).symlink_to(Path(goroot.strip()) / "bin" / name)
    env = {**toolchain.go_env(), "PATH": f"{bare}:/usr/bin:/bin", "GOTOOLCHAIN": "local"}
    output = process.run(["make", "-s", "check"], cwd=root, env=env).stdout
    assert "skipped, because not installed" in output
    assert "golangci-lint" in output.partition("not installed:")[2]


def test_make_check_fails_for_code_that_is_not_formatted(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(COMPLETE, tmp_path / "payments-api").root
    file = root / "internal/hello/memory.go"
    file.write_text(file.read_text().replace("\treturn", "  return", 1))
    done = process.run(
        ["make", "-s", "fmt-check"], cwd=root, env=toolchain.go_env(), accept=range(256)
    )
    assert done.status != 0
    assert "internal/hello/memory.go" in done.stdout


def test_make_init_makes_one_commit_and_can_be_repeated(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(COMPLETE, tmp_path / "payments-api").root
    process.run(["make", "-s", "init"], cwd=root)
    again = process.run(["make", "-s", "init"], cwd=root).stdout
    assert "already" in again
    assert trees.git(root, "rev-list", "--count", "HEAD") == "1\n"
    assert trees.git(root, "status", "--porcelain") == ""


def test_own_linter_settings_replace_those_of_the_template(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(COMPLETE, tmp_path / "payments-api").root
    (root / ".yamllint.local.yaml").write_text(
        "---\nextends: .yamllint.yaml\nrules:\n  line-length:\n    max: 10\n"
    )
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = process.run(["scripts/lint.sh"], cwd=root, env={"PATH": path}, accept=range(256))
    assert done.status == 1
    assert "line too long" in done.stdout


def test_a_leftover_of_an_update_is_refused_even_if_git_ignores_it(
    render: trees.Renderer, tmp_path: Path
) -> None:
    root = render.into(COMPLETE, tmp_path / "payments-api").root
    trees.build_file_tree(
        root,
        {
            ".gitignore": "*.rej\n/docs/\n",
            "a.rej": "hunk\n",
            "docs/b c.txt": "<<<<<<< before updating\n",
            "d.txt": "text <<<<<<< before updating\n",
            ".copier-answers.yml": "_src_path: https://secret-token@github.com/a/b.git\n",
        },
    )
    trees.commit(root)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = process.run(["scripts/lint.sh"], cwd=root, env={"PATH": path}, accept=range(256))
    assert done.status == 1
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()[:3]] == [
        "a.rej",
        "docs/b c.txt",
        ".copier-answers.yml",
    ]
    assert "lint: findings of no-leftovers" in done.stderr
    assert "secret-token" not in done.stdout + done.stderr
