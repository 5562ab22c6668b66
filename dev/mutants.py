"""Make the mutants of dev/mutants.yml in a copy, and print which of them its tests notice."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev import demo, postgres
from goldpath.errors import GoldpathError
from goldpath.model import Case
from goldpath.rendering.copier import render
from goldpath.runtime import process, toolchain
from testing import ROOT, trees

MUTANTS = ROOT / "dev/mutants.yml"
CASE = Case("mutants", {"service_name": "payments-api", "database": "postgresql"})


@dataclass(frozen=True)
class Mutant:
    """An edit of a copy: `text` becomes `instead` in `file`, which `why` says is wrong.

    `tests` is the package whose tests have to notice it, by default that of the file.
    """

    file: str
    text: str
    instead: str
    why: str
    tests: str = ""


def load(file: Path = MUTANTS) -> list[Mutant]:
    """Return the mutants of a file."""
    return [Mutant(**fields) for fields in yaml.safe_load(file.read_text())]


def survives(root: Path, mutant: Mutant, env: Mapping[str, str]) -> bool:
    """Return whether the tests of a copy pass with the mutant.

    Raises: GoldpathError if the text is not there once, or the mutant is no Go.
    """
    file = root / mutant.file
    original = file.read_text()
    if original.count(mutant.text) != 1:
        raise GoldpathError(f"{mutant.file} has not exactly one {mutant.text}")
    package = mutant.tests or f"./{Path(mutant.file).parent}"
    # A mutant may make a test wait for good.
    command = ["go", "test", "-count=1", "-vet=off", "-timeout=90s", package]
    file.write_text(original.replace(mutant.text, mutant.instead))
    try:
        done = process.run(command, cwd=root, env=env, accept=range(256))
    finally:
        file.write_text(original)
    if "[build failed]" in done.stdout or "[setup failed]" in done.stdout:
        raise GoldpathError(f"{mutant.file} does not compile with {mutant.instead}: {done.stderr}")
    return done.status == 0


def database_env(server: postgres.Server, root: Path, home: Path) -> dict[str, str]:
    """Return what the tests of a copy's internal/postgres ask for."""
    return {
        "TEST_DBHOST": server.host,
        "TEST_DBPORT": str(server.port),
        "TEST_DBUSER": demo.ROLE,
        "TEST_DBNAME": demo.DATABASE,
        "TEST_DBPASSWORD_FILE": str(demo.prepare(server, root, home)),
    }


def main() -> None:
    survivors = 0
    with postgres.server() as server, postgres.scratch() as home:
        root = render(trees.snapshot(home), CASE, home / CASE.answers["service_name"]).root
        env = {**toolchain.go_env(), **database_env(server, root, home)}
        print("| file | careless edit | its tests |\n| --- | --- | --- |")
        for mutant in load():
            alive = survives(root, mutant, env)
            survivors += alive
            told = "**pass**" if alive else "fail"
            print(f"| {mutant.file} | {mutant.why} | {told} |", flush=True)
    if survivors:
        sys.exit(f"Error: {survivors} mutants survived")


if __name__ == "__main__":
    try:
        main()
    except GoldpathError as error:
        sys.exit(f"Error: {error}")
