"""Small wrongs in the product's own code, one at a time, and whether the quick tests notice.

    python -P tests/hard/mutants.py SECONDS SEED FILE[:FUNCTION,...]... -- TEST...

Each mutant lives in a forked child only: the source of one module is compiled from a changed tree, no file is
touched. One line of JSON for each.
"""

import ast
import copy
import importlib.machinery
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 120
SIDE_BY_SIDE = 2
PLUGINS = ("no:cacheprovider", "pytest_asyncio.plugin", "pytest_timeout")
QUICK = ["-x", "-q", "--tb=no", *(word for plugin in PLUGINS for word in ("-p", plugin))]
INSTEAD: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.And: (ast.Or,), ast.Or: (ast.And,),
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.BitOr: (ast.BitAnd,), ast.BitAnd: (ast.BitOr,),
}  # fmt: skip


def changes(node: Any) -> Iterator[tuple[str, Any]]:
    """What this node may become, with a word for it."""
    match node:
        case ast.Compare(ops=[op]):
            for other in INSTEAD.get(type(op), ()):
                yield f"{type(op).__name__} -> {other.__name__}", changed(node, ops=[other()])
        case ast.BoolOp():
            other = INSTEAD[type(node.op)][0]
            yield f"{type(node.op).__name__} -> {other.__name__}", changed(node, op=other())
        case ast.BinOp() if type(node.op) in INSTEAD:
            other = INSTEAD[type(node.op)][0]
            yield f"{type(node.op).__name__} -> {other.__name__}", changed(node, op=other())
        case ast.UnaryOp(op=ast.Not()):
            yield "not dropped", node.operand
        case ast.If():
            yield "condition negated", changed(node, test=ast.UnaryOp(ast.Not(), node.test))
            if not node.orelse:
                yield "if deleted", ast.Pass()
        case ast.IfExp():
            yield "branches swapped", changed(node, body=node.orelse, orelse=node.body)
        case ast.Call(func=ast.Name(id="replace")):
            for at, keyword in enumerate(node.keywords):
                if keyword.arg:
                    rest = node.keywords[:at] + node.keywords[at + 1 :]
                    yield f"{keyword.arg} not replaced", changed(node, keywords=rest)
        case ast.Constant(value=bool()):
            yield f"{node.value} -> {not node.value}", ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield f"{node.value} -> {node.value + 1}", ast.Constant(node.value + 1)


def changed(node: Any, **fields: Any) -> Any:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


class _Put(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else super().generic_visit(node)


def mutants_of(where: str) -> Iterator[tuple[str, int, str, str]]:
    """File, line, what is wrong, and the whole source with it."""
    path, _, names = where.partition(":")
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    for node in code_in(tree, set(names.split(",")) if names else set()):
        for word, new in changes(node):
            wrong = ast.fix_missing_locations(_Put(node, new).visit(copy_of(tree, node)))
            yield path, getattr(node, "lineno", 0), word, ast.unparse(wrong)


def copy_of(tree: ast.AST, keep: ast.AST) -> ast.AST:
    """A tree that may be changed, in which one node is still the same one."""
    return copy.deepcopy(tree, {id(keep): keep})


def code_in(tree: ast.Module, names: set[str]) -> Iterator[ast.AST]:
    """The nodes of these functions, or of all; annotations and defaults of classes are no code."""
    for function in ast.walk(tree):
        is_one = isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_one and (not names or function.name in names):
            for statement in function.body:
                yield from ast.walk(statement)


def is_killed(path: str, source: str, tests: list[str]) -> bool:
    """In a child of its own: do these tests fail?"""
    child = os.fork()
    if child == 0:
        os._exit(_run(path, source, tests))
    until = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status != 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _run(path: str, source: str, tests: list[str]) -> int:
    import pytest

    loader = importlib.machinery.SourceFileLoader
    load, target = loader.get_code, Path(path).resolve()

    def get_code(self: Any, fullname: str) -> Any:
        if Path(self.path).resolve() == target:
            return compile(source, self.path, "exec")
        return load(self, fullname)

    loader.get_code = get_code  # type: ignore[method-assign]
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    return int(pytest.main([*QUICK, *tests]))


def main(seconds: float, seed: str, files: list[str], tests: list[str]) -> None:
    """As many mutants as there is time for, in an order drawn from the seed.

    A seed "7/1" takes every second one, beginning with the one at 1.
    """
    import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401  (loaded once, for all children)
    import pydantic  # noqa: F401
    import pytest  # noqa: F401  (its plugins are loaded by each child, or they would warn)
    import sqlite_utils  # noqa: F401
    import structlog  # noqa: F401

    import config.contract.messages  # noqa: F401

    until = time.monotonic() + seconds
    first = files[0].partition(":")[0]
    if is_killed(first, Path(first).read_text(encoding="utf-8"), tests):
        sys.exit("the tests fail without any mutant, or take too long")
    number, _, of = seed.partition("/")
    everything = [mutant for where in files for mutant in mutants_of(where)]
    random.Random(number).shuffle(everything)
    share = int(of) if of else 0
    for path, line, word, source in everything[share::SIDE_BY_SIDE] if of else everything:
        if time.monotonic() > until:
            break
        killed = is_killed(path, source, tests)
        told = {"file": path, "line": line, "wrong": word, "killed": killed, "of": len(everything)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, ".")
    split = sys.argv.index("--")
    main(float(sys.argv[1]), sys.argv[2], sys.argv[3:split], sys.argv[split + 1 :])
