"""Render a case; the one place that knows Copier."""

import re
import warnings
from pathlib import Path

import copier
from copier import Settings
from copier.errors import CopierError, DirtyLocalWarning
from jinja2 import TemplateError

from goldpath.errors import BadInputError, GoldpathError
from goldpath.model import Case, Render

# Copier raises plain ValueErrors; each of these begins a sentence that is meant for the user.
_ANSWER = re.compile(
    r"(?:Validation error for question '\w+'|Invalid choice for '(\w+)'): (.*)", re.S
)


def render(template: str | Path, case: Case, root: Path, *, vcs_ref: str | None = None) -> Render:
    """Copy the template into `root` with the answers of a case and defaults for the rest.

    Trusts nothing and takes no default from the user's Copier settings, so that the same template
    and answers give the same files everywhere.

    Args:
        template: A folder or git URL. A folder that is no git repository is taken as it stands.
        case: The answers.
        root: The folder to fill; it may exist.
        vcs_ref: A tag, branch or commit; "HEAD" takes a checkout with its uncommitted changes.

    Raises: BadInputError with the template's own sentence if it refuses an answer, GoldpathError
    if it cannot be rendered.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DirtyLocalWarning)
            copier.run_copy(
                str(template),
                root,
                data=dict(case.answers),
                vcs_ref=vcs_ref,
                defaults=True,
                overwrite=True,
                quiet=True,
                settings=Settings(),
            )
    except (ValueError, TypeError) as error:
        raise _refused(case, error) from error
    except (CopierError, TemplateError) as error:
        sentence = " ".join(str(error).split())
        raise GoldpathError(f"case {case.name} cannot be rendered: {sentence}") from error
    return Render(case, root)


def _refused(case: Case, error: Exception) -> GoldpathError:
    if isinstance(error.__cause__, TypeError | ValueError):  # Copier's own may have no text
        error = error.__cause__
    found = _ANSWER.match(str(error))
    if not found:
        return BadInputError(f"answers {case.name}: {error}")
    question, sentence = found.groups()
    return BadInputError(f"answers {case.name}: {f'{question}: ' if question else ''}{sentence}")
