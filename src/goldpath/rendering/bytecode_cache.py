"""Keep what Jinja compiles, which is two thirds of the time that a render takes."""

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, Template, bccache, nodes
from jinja2.compiler import CodeGenerator

# The settings that decide how a source is read and compiled, beside those that `give` asks for.
SYNTAX = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string",
    "comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix",
    "trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline", "autoescape",
)  # fmt: skip


class _Unfolded(CodeGenerator):
    """Computes nothing while it compiles: the time or a random order is another one next time."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class Compiled(FileSystemBytecodeCache):
    """What Jinja compiled, by the source and the settings, wherever the template lies."""

    @classmethod
    def give(cls, environment: Environment, folder: Path) -> None:
        """Let an environment keep what it compiles, unless settings decide that are not known."""
        known = environment.code_generator_class is CodeGenerator
        if known and environment.finalize is None and not environment.is_async:
            environment.bytecode_cache = cls(str(folder))
            environment.code_generator_class = _Unfolded
            environment.optimized = False

    def get_bucket(
        self, environment: Environment, name: str, filename: str | None, source: str
    ) -> bccache.Bucket:
        """Return the place of one source; its folder differs from one version to the next."""
        del filename
        settings = [(name, getattr(environment, name)) for name in SYNTAX]
        names = sorted([*environment.filters, *environment.tests, *environment.extensions])
        key = repr((type(environment), environment.undefined, settings, names))
        return super().get_bucket(environment, name, key, source)


def keep_strings(environment: Environment) -> None:
    """Let `from_string` compile each text once, and look for it in the environment's cache."""
    compiled = environment.from_string

    @functools.cache
    def once(source: str) -> Template:
        cache = environment.bytecode_cache
        if cache is None:
            return compiled(source)
        name = f"\n{source}"  # no file is called so, and each name has but one source kept
        bucket = cache.get_bucket(environment, name, None, source)
        if bucket.code is None:
            bucket.code = environment.compile(source)
            cache.set_bucket(bucket)
        names = environment.make_globals(None)
        return environment.template_class.from_code(environment, bucket.code, names)

    def from_string(source: Any) -> Template:
        environment.preprocess(str(source))  # what an extension notes there is not compiled
        # Of what is no text, Copier wants to be told that it is none.
        return once(source) if isinstance(source, str) else compiled(source)

    # Ignored, because mypy wants no method replaced; Copier calls this one by its name.
    environment.from_string = from_string  # type: ignore[method-assign,assignment]
