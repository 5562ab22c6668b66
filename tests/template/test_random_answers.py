"""Any answers at all are refused with a sentence, or give a repository that keeps every promise."""

import string
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldpath.errors import BadInputError
from goldpath.model import Case, Render
from goldpath.rendering.copier import render as goldpath_render
from goldpath.runtime.cache import cached_folder
from template import test_contracts as contracts
from testing import trees

# Odd but good values beside any text: of random text alone, hardly any would be accepted.
NAMES = ("abc", "payments-api", "a--b", "x9z", "select-1", "user", "order-table", "a" * 40)
OWNERS = ("acme", "x", "Acme-Corp", "jane_acme", "0day", "a" * 39)
MODULES = ("example.org/a/v2", "a-b.io/X_y.z/q~w", "x.dev/main")
TEXT = st.text(max_size=130)
LABEL = st.text(string.ascii_lowercase + string.digits + "-._A", max_size=42)


def _choices(name: str) -> st.SearchStrategy[object]:
    (question,) = (one for one in trees.TEMPLATE.questions if one.name == name)
    return st.sampled_from(question.choices)


# Always given and from a few, because each path of its own is a Go tree to be built.
REQUIRED = {"module": st.sampled_from(MODULES) | TEXT}
OPTIONAL: dict[str, st.SearchStrategy[object]] = {
    "service_name": st.sampled_from(NAMES) | LABEL | TEXT,
    "description": TEXT,
    "owner": st.sampled_from(OWNERS) | LABEL,
    "visibility": st.sampled_from(["public", "private"]),
    "registry": st.sampled_from(["docker.io", "ghcr.io", "ecr"]),
    "aws_account": st.sampled_from(["000000000000"]) | TEXT,
    "aws_region": st.sampled_from(["ap-southeast-2", "us-gov-west-1"]) | TEXT,
    "runtime": st.sampled_from(["distroless", "alpine"]),
    "port": st.sampled_from([1024, 65535]) | st.integers(0, 1023) | TEXT,
    "database": st.sampled_from(["postgresql", "none"]),
    "updates": st.sampled_from(["renovate", "dependabot", "none"]),
    "license": st.sampled_from(["Apache-2.0", "MIT", "none"]),
    "registry_namespace": st.sampled_from(OWNERS) | LABEL,
    "strategy": _choices("strategy"),
    "gitops": _choices("gitops"),
    "cluster": _choices("cluster"),
    "region": st.sampled_from(["eu-central-1"]) | TEXT,
    "extras": st.lists(_choices("extras"), unique=True),
}
ANSWERS = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL)


def test_every_question_gets_random_answers() -> None:
    asked = {question.name for question in trees.ASKED}
    assert REQUIRED.keys() | OPTIONAL.keys() == asked


@settings(
    max_examples=150,  # some thirty of them are accepted, which is what takes the time
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(answers=ANSWERS)
def test_random_answers_are_refused_or_give_a_whole_repository(
    answers: dict[str, object], render: trees.Renderer
) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "payments-api"
        try:
            rendered = goldpath_render(render.template, Case("random", answers), folder)
        except BadInputError as refusal:
            sentence = str(refusal)
        else:
            _assert_contracts(rendered, render)
            return
        assert "\n" not in sentence
        assert not folder.exists()


def _assert_contracts(rendered: Render, render: trees.Renderer) -> None:
    contracts.test_no_delimiter_is_left(rendered)
    contracts.test_the_description_arrives_unchanged_whatever_it_holds(rendered)
    contracts.test_a_name_is_legal_on_windows_and_unique_ignoring_case(rendered)
    contracts.test_a_file_ends_with_exactly_one_newline(rendered)
    contracts.test_scripts_and_nothing_else_are_executable(rendered)
    contracts.test_the_root_stays_readable_at_a_glance(rendered)
    root = rendered.root
    sources = [root / path for path in trees.files(root)]
    go = [path for path in sources if path.suffix == ".go" or path.name == "go.mod"]

    def compile_all(_: Path) -> None:
        trees.go_compile(root)

    cached_folder("random-compiled", trees.digest(root, go), compile_all, parent=render.shared)
