"""Group findings by the defect that causes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from goldpath.cases.samples import KINDS
from goldpath.model import SourceFinding

# Rules of parsers and compilers: after the first error of a file, others are its consequences.
CASCADES = frozenset({"syntax", "invalid-syntax", "compile", "typecheck", "unread"})
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Defect:
    """The findings of one defect, the one to show first."""

    findings: tuple[SourceFinding, ...]

    @property
    def first(self) -> SourceFinding:
        """The finding to show."""
        return self.findings[0]

    @property
    def places(self) -> int:
        """The number of different lines of the template."""
        return len({(one.source, one.line) for one in self.findings})


def is_odd(item: SourceFinding) -> bool:
    """Return whether only copies with edge cases of free text have a finding."""
    return bool(item.cases) and all(case.partition("-")[0] in KINDS for case in item.cases)


def group(findings: Sequence[SourceFinding]) -> list[Defect]:
    """Return the defects, the most severe first.

    Findings of a rule with the same message are one defect, so are the errors of one file that does
    not parse, and all that special characters in one answer break.
    """
    groups: dict[tuple[str, ...], list[SourceFinding]] = {}
    for one in findings:
        finding = one.finding
        cascade = finding.linter == "syntax" or finding.rule in CASCADES
        key: tuple[str, ...] = (
            finding.linter, finding.rule, one.source if cascade else finding.message,
        )  # fmt: skip
        if len(one.answers) == 1 and (is_odd(one) or [*one.answers.values()] == [[]]):
            key = ("edge case", *one.answers)
        groups.setdefault(key, []).append(one)
    defects = [Defect(tuple(some)) for some in groups.values()]
    return sorted(
        defects,
        key=lambda one: (_ORDER[one.first.finding.level], one.first.source, one.first.line),
    )
