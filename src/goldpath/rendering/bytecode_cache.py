"""Cache the bytecode of Jinja templates: compiling takes two thirds of the time of a render."""

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, Template, bccache, nodes
from jinja2.compiler import CodeGenerator

# The settings that affect the bytecode, besides those that `attach` checks.
SYNTAX = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string",
    "comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix",
    "trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline", "autoescape",
)  # fmt: skip


class _WithoutFolding(CodeGenerator):
    """Folds no constants: the time or a random order would be cached with them."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Any, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class BytecodeCache(FileSystemBytecodeCache):
    """A bytecode cache with the source and the settings as its key, not the path."""

    @classmethod
    def attach(cls, environment: Environment, folder: Path) -> None:
        """Let an environment use the cache, unless unknown settings affect its bytecode."""
        default = environment.code_generator_class is CodeGenerator
        if default and environment.finalize is None and not environment.is_async:
            environment.bytecode_cache = cls(str(folder))
            environment.code_generator_class = _WithoutFolding
            environment.optimized = False

    def get_bucket(
        self, environment: Environment, name: str, filename: str | None, source: str
    ) -> bccache.Bucket:
        """Return the bucket of a source; Jinja and Python have a folder for each version."""
        del filename
        settings = [(name, getattr(environment, name)) for name in SYNTAX]
        names = sorted([*environment.filters, *environment.tests, *environment.extensions])
        key = repr((type(environment), environment.undefined, settings, names))
        return super().get_bucket(environment, name, key, source)


def cache_strings(environment: Environment) -> None:
    """Let `from_string` compile each text once, and use the environment's bytecode cache."""
    compile_string = environment.from_string

    @functools.cache
    def cached(source: str) -> Template:
        cache = environment.bytecode_cache
        if cache is None:
            return compile_string(source)
        name = f"\n{source}"  # no file has this name; the cache has one source for each name
        bucket = cache.get_bucket(environment, name, None, source)
        if bucket.code is None:
            bucket.code = environment.compile(source)
            cache.set_bucket(bucket)
        names = environment.make_globals(None)
        return environment.template_class.from_code(environment, bucket.code, names)

    def from_string(source: Any) -> Template:
        environment.preprocess(str(source))  # an extension may have side effects there
        # Copier expects an error for a value that is not a string.
        return cached(source) if isinstance(source, str) else compile_string(source)

    # Ignored, because mypy forbids to replace a method; Copier calls it by this name.
    environment.from_string = from_string  # type: ignore[method-assign,assignment]
