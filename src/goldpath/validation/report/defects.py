"""Group findings by the defect that causes them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from goldpath.model import SourceFinding

# Rules of parsers and compilers: after the first error of a file, others are its consequences.
CASCADES = frozenset({"syntax", "invalid-syntax", "compile", "typecheck", "unread"})
# Holes come after what does not work at all.
SECURITY = frozenset({"zizmor"})
_UNDEFINED = re.compile(r"the render fails: '(\w+)' is undefined")
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


def group(findings: Sequence[SourceFinding]) -> list[Defect]:
    """Return the defects, the most severe first.

    Findings of a rule with the same message are one defect, so are the errors of one file that does
    not parse, and all that one case breaks by one answer.
    """
    groups: dict[tuple[str, ...], list[SourceFinding]] = {}
    for one in findings:
        finding = one.finding
        cascade = finding.linter == "syntax" or finding.rule in CASCADES
        message = finding.message.removesuffix(" is undefined")
        message = message.removeprefix("the render fails: ")
        rule = "GP030" if finding.rule == "GP022" else finding.rule  # which says the same
        key: tuple[str, ...] = (
            finding.linter, rule, finding.level, one.source if cascade else message,
        )  # fmt: skip
        if finding.linter == "zizmor":  # its messages have the text
            key = key[:3]
        if one.edge_case and len(one.answers) == 1:
            key = ("edge case", *one.answers, one.cases[0])
        if undefined := _UNDEFINED.fullmatch(finding.message):  # GP004 has its line
            key = ("goldpath", "GP004", finding.level, undefined[1])
        groups.setdefault(key, []).append(one)
    defects = [
        Defect(tuple(sorted(some, key=lambda one: one.finding.rule == "GP022")))
        for some in groups.values()
    ]
    return sorted(
        defects,
        key=lambda one: (
            _ORDER[one.first.finding.level],
            one.first.finding.linter in SECURITY,
            one.first.source,
            one.first.line,
        ),
    )
