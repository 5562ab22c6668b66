"""The questions: what they accept, what they refuse and in which words."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldpath.cases import answers_file
from goldpath.errors import BadInputError
from goldpath.model import Case, Template
from goldpath.rendering.copier import render as goldpath_render
from testing import ROOT, trees, yaml_text

INVALID = sorted((ROOT / "tests/answers/invalid").glob("*.yml"))


@pytest.fixture(scope="module")
def questions(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template without its files, for what they have no part in."""
    root = tmp_path_factory.mktemp("questions")
    shutil.copy(snapshot / "copier.yml", root)
    (file,) = (snapshot / "template").glob("*answers_file*")
    (root / "template").mkdir()
    shutil.copy(file, root / "template")
    return root


def _answers(questions: Path, given: dict[str, str], folder: Path) -> dict[str, str]:
    """Return what is recorded of the answers given and of those that follow from them."""
    root = goldpath_render(questions, Case("some", given), folder).root
    answers: dict[str, str] = yaml_text.load((root / ".copier-answers.yml").read_text())
    return answers


def _sentences(template: Template) -> Iterator[str]:
    """Yield a pattern for each sentence with which copier.yml refuses an answer."""
    known = [question.name for question in template.questions if not question.computed]
    names = re.escape(", ".join(known))
    yield rf"\w+ is not a question of this template\.( Did you mean \w+\?)? Choose from {names}\."
    for question in trees.ASKED:
        if question.choices:
            yield rf"{question.name}: '.+' is not in {re.escape(str(list(question.choices)))}"
        for text in re.split(r"#%.*?%#", question.details.get("validator", ""), flags=re.DOTALL):
            if words := " ".join(text.split()):
                yield ".+".join(map(re.escape, re.split(r"#{.*?}#", words)))


def _assert_says(message: str, file: Path, template: Template) -> None:
    """Check that a message ends with the sentence whose first words are in an answers file."""
    first = file.read_text().splitlines()[2].removeprefix("# Message: ").removesuffix(" ...")
    assert first in message
    said = message[message.index(first) :]
    assert any(re.fullmatch(sentence, said) for sentence in _sentences(template)), said


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_answer_is_refused_in_one_sentence(
    file: Path, template: Template, snapshot: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError) as error:
        goldpath_render(snapshot, answers_file.from_file(file, template), tmp_path / "out")
    _assert_says(str(error.value), file, template)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["name-capital", "port-80", "port-text", "owner-slash"])
def test_the_last_line_of_copier_is_our_sentence(
    name: str, template: Template, snapshot: Path, tmp_path: Path
) -> None:
    file = ROOT / f"tests/answers/invalid/{name}.yml"
    done = trees.copier(
        "copy", "--defaults", "--data-file", file, snapshot, tmp_path / "payments-api"
    )
    assert done.returncode == 1
    _assert_says(done.stderr.strip().splitlines()[-1], file, template)
    assert not (tmp_path / "payments-api").exists()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("payments-api", "payments-api"),
        ("Payments API", "payments-api"),
        ("payments.api_v2", "payments-api-v2"),
        ("--payments--", "payments"),
        ("3scale", "svc-3scale"),
        ("x" * 50, "x" * 40),
        (f"{'y' * 39}-z", "y" * 39),
        ("결제", "service"),
        ("go", "service"),
        ("func", "service"),
        ("vendor", "service"),
        ("pg-store", "service"),
    ],
)
def test_the_folder_gives_the_name_and_always_a_valid_one(
    folder: str, name: str, questions: Path, tmp_path: Path
) -> None:
    assert _answers(questions, {}, tmp_path / folder)["service_name"] == name


@pytest.mark.parametrize(
    ("owner", "registry", "namespace"),
    [
        ("Acme-Corp", "docker.io", "acmecorp"),
        ("Acme-Corp", "ghcr.io", "acme-corp"),
        ("x", "docker.io", "xhub"),
        ("a" * 39, "docker.io", "a" * 30),
        ("jane_acme", "ghcr.io", "jane_acme"),
    ],
)
def test_the_namespace_that_an_owner_gives_is_valid_for_the_registry(
    owner: str, registry: str, namespace: str, questions: Path, tmp_path: Path
) -> None:
    given = {"owner": owner, "registry": registry}
    answers = _answers(questions, given, tmp_path / "payments-api")
    assert answers["registry_namespace"] == namespace


def test_no_question_asks_for_a_version_a_digest_or_a_secret(template: Template) -> None:
    for question in template.questions:
        for word in ("version", "digest", "password", "token", "secret"):
            assert word not in question.name


def test_the_manual_has_every_question_with_its_choices_numbers_and_default() -> None:
    manual = (ROOT / "docs/questions.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", manual, re.M)
    assert [name for name, _, _ in rows] == [question.name for question in trees.ASKED]
    for question, (name, rule, default) in zip(trees.ASKED, rows, strict=True):
        choices = re.findall(r"`([^`]+)`", rule)[: len(question.choices)]
        assert set(question.choices) <= set(choices), name
        validator = question.details.get("validator", "")
        assert set(re.findall(r"\d+ to \d+", rule)) <= set(re.findall(r"\d+ to \d+", validator))
        # One that is computed is described in words.
        if question.details["default"] == [*question.choices]:
            assert default == "all of them"
        elif "#" not in question.details["default"]:
            assert default == f"`{question.details['default']}`", name
