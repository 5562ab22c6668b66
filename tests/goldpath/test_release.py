"""The script .ci/release."""

import shutil
from pathlib import Path

import pytest

from testing import ROOT, yaml_text
from testing.steps import Done, Step, run, stubs

PROJECT = 'name = "goldpath"\nversion = "1.2.0"\n'
CHANGES = "# Changelog\n\n## 1.2.0\n\n- New.\n\nTo update: nothing.\n\n## 1.1.0\n\n- Old.\n"


def _release(folder: Path, changelog: str) -> Done:
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/release", folder / ".ci")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "CHANGELOG.md").write_text(changelog)
    stubs(folder)
    return run(Step("release", ".ci/release", ()), folder, {"GITHUB_SHA": "0123"})


def test_a_release_has_the_tag_of_the_version_and_its_section_of_the_changelog(
    tmp_path: Path,
) -> None:
    done = _release(tmp_path, CHANGES)
    assert done.status == 0, done.printed
    assert done.calls.startswith("gh release create v1.2.0 --target 0123 --title v1.2.0 --notes")
    assert "New." in done.calls
    assert "Old." not in done.calls


def test_the_job_that_runs_the_checks_has_no_write_permission() -> None:
    workflow = yaml_text.load((ROOT / ".github/workflows/release.yaml").read_text())
    for job in workflow["jobs"].values():
        if any(step.get("run") == ".ci/run" for step in job["steps"]):
            assert job["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["release"]["needs"] == "test"


@pytest.mark.parametrize("changelog", ["# Changelog\n", CHANGES.replace("1.2.0", "Unreleased")])
def test_a_version_without_a_section_in_the_changelog_is_not_released(
    changelog: str, tmp_path: Path
) -> None:
    done = _release(tmp_path, changelog)
    assert done.status == 2
    assert "CHANGELOG.md has no section '## 1.2.0'" in done.printed
    assert done.calls == ""
