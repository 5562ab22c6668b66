"""Write docs/rules/: a page for each rule, and their list."""

from goldpath.rules.registry import RULES, page
from testing import ROOT


def write() -> None:
    """Write all pages again."""
    folder = ROOT / "docs/rules"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("GP*.md"):
        old.unlink()
    for rule in RULES:
        (folder / f"{rule.id}.md").write_text(page(rule))
    rows = [f"| [{one.id}]({one.id}.md) | {one.level} | {one.title} |" for one in RULES]
    head = "# Rules\n\n`goldpath rules ID` prints a page, `goldpath validate --skip ID` skips it.\n"
    table = "\n".join(["| rule | level | what is wrong |", "| --- | --- | --- |", *rows])
    (folder / "README.md").write_text(f"{head}\n{table}\n")


if __name__ == "__main__":
    write()
