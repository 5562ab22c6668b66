"""Rules for what a template's .goldpath.yml expects."""

from collections.abc import Iterator

from goldpath.rules.base import Hit, Rule, Subject
from goldpath.template.goldpath_yml import FILE

_SOURCE = "https://copier.readthedocs.io/en/stable/configuring/#advanced-prompt-formatting"


def accepted_answers(subject: Subject) -> Iterator[Hit]:
    """Find answers that the template should refuse and does not, or with another sentence."""
    for refusal, message in zip(subject.config.refuse, subject.refusals, strict=True):
        answers = ", ".join(f"{name}={value}" for name, value in refusal.answers.items())
        if not message:
            yield Hit(FILE, 0, f"{answers} is accepted")
        elif refusal.message not in message:
            yield Hit(FILE, 0, f'{answers} is refused with "{message}"')


def unexpected_file(subject: Subject) -> Iterator[Hit]:
    """Find files of copies that are not as the template expects."""
    for expectation in subject.config.expect:
        for render in subject.renders:
            if expectation.cases and render.case.name not in expectation.cases:
                continue
            path = expectation.file
            file = render.root / path
            if not file.resolve().is_relative_to(render.root.resolve()):
                yield Hit(FILE, 0, f"{path} is outside of the copy")
            elif file.is_file() != expectation.exists:
                yield Hit(FILE, 0, f"a copy {'has' if file.is_file() else 'lacks'} {path}")
            elif file.is_file():
                text = file.read_text(errors="replace")
                for part in expectation.contains:
                    if part not in text:
                        yield Hit(path, 0, f'the file lacks "{part}"', render.case.name)


RULES = (
    Rule(
        "GP032", "answers are not refused as expected", "error", _SOURCE,
        "The template's .goldpath.yml lists answers that it must refuse, and the sentence.",
        "Correct the question's validator, or `refuse` in .goldpath.yml.",
        accepted_answers,
    ),
    Rule(
        "GP033", "a file of a copy is not as expected", "error", _SOURCE,
        "The template's .goldpath.yml lists files that copies have, or do not have, and texts in "
        "them.",
        "Correct the template, or `expect` in .goldpath.yml.",
        unexpected_file,
    ),
)  # fmt: skip
