"""Run the real `copier update`."""

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from copier._main import Worker
from copier._settings import SettingsModel
from copier._types import VcsRef
from copier.errors import CopierError
from jinja2 import TemplateError
from plumbum import ProcessExecutionError, local

from goldpath.errors import BadInputError, GoldpathError
from goldpath.rendering.copier import GuardedWorker, question_and_message
from goldpath.template.source import without_credentials

CURRENT = VcsRef.CURRENT.value  # the recorded version, as a version to update to


@dataclass(frozen=True)
class UpdateOptions:
    """The options of `copier update`, by its own names.

    `tasks` says whether tasks and migrations run; without it they are skipped.
    """

    vcs_ref: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    exclude: Sequence[str] = ()
    prereleases: bool = False
    trust: bool = False
    tasks: bool = False


def is_trusted(src_path: str) -> bool:
    """Return whether the user's Copier settings trust a template.

    Raises: BadInputError if the settings are invalid.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there may be no settings
            return SettingsModel.from_file().is_trusted(src_path)
    except (OSError, ValueError) as error:
        raise BadInputError(f"Copier's settings: {' '.join(str(error).split())}") from error


def run_update(folder: Path, answers_file: Path, options: UpdateOptions, start: Path) -> None:
    """Run `copier update` in a folder.

    Args:
        folder: A copy in a clean work tree.
        answers_file: The path of its answers file in the folder.
        options: What to update.
        start: The folder from which a relative path of the template is resolved.

    Raises: GoldpathError with Copier's message if it fails.
    """
    kind = Worker if options.tasks else GuardedWorker
    ref = VcsRef.CURRENT if options.vcs_ref == CURRENT else options.vcs_ref
    try:
        with warnings.catch_warnings(), contextlib.chdir(start), _environment():
            warnings.simplefilter("ignore")
            with kind(
                dst_path=folder, answers_file=answers_file, vcs_ref=ref, data=dict(options.data),
                exclude=list(options.exclude), use_prereleases=options.prereleases,
                defaults=True, overwrite=True, quiet=True, unsafe=options.trust,
            ) as worker:  # fmt: skip
                worker.run_update()
    except ProcessExecutionError as error:
        reason = f"{' '.join(map(str, error.argv[:3]))} failed: {error.stderr}"
        raise GoldpathError(_message(reason)) from error
    except AssertionError as error:
        reason = "a path is a file in one version and a folder in the other"
        raise GoldpathError(_message(reason)) from error
    except (CopierError, TemplateError, ValueError, TypeError, OSError) as error:
        question, message = question_and_message(error)
        raise GoldpathError(_message(f"{question}: {message}" if question else message)) from error


@contextmanager
def _environment() -> Iterator[None]:
    """Let Copier's git have the variables of now: plumbum copied them when it was imported."""
    with local.env():
        local.env.clear()
        local.env.update(os.environ)
        yield


def _message(text: str) -> str:
    return f"copier update: {without_credentials(' '.join(text.split()))}"
