"""Generate docs/rules/: a page for each rule, and the list of rules."""

from goldpath.rules.registry import RULES, page
from testing import ROOT


def write() -> None:
    """Generate all pages."""
    folder = ROOT / "docs/rules"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("GP*.md"):
        old.unlink()
    for rule in RULES:
        (folder / f"{rule.id}.md").write_text(page(rule))
    rows = [f"| [{rule.id}]({rule.id}.md) | {rule.level} | {rule.title} |" for rule in RULES]
    head = "# Rules\n\n`goldpath rules ID` prints a page, `goldpath validate --skip ID` skips it.\n"
    table = "\n".join(["| rule | level | problem |", "| --- | --- | --- |", *rows])
    (folder / "README.md").write_text(f"{head}\n{table}\n")


if __name__ == "__main__":
    write()
