"""House rules that a linter lacks, as functions from a parsed file to faults. Each fault says what to do instead."""

import ast
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]

SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s*\(|TRUNCATE\s|MERGE\s+INTO\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|TYPE|ROLE|DATABASE|SCHEMA|FUNCTION|SEQUENCE|EXTENSION)\s|GRANT\s|REVOKE\s)"
)
SQL_ALLOWED = (
    "shared/http.py",  # asks a database whether it is there
    "shared/migrate.py",  # makes the table that remembers migrations, before there is one
    "shared/relay.py",  # asks for the lock of the active relay
    "shared/testing/",
)
CLOCKS = frozenset({"now", "utcnow", "today", "utc_now", "time", "monotonic"})
CHANCE = frozenset({"uuid4", "uuid7", "new_id", "random", "randint", "choice"})
CHANCE_ALLOWED = ("services/orders/domain/placing.py",)  # how many parcels need an id is known only there


@dataclass(frozen=True)
class Source:
    """A parsed file; `place` is its path below the project."""

    place: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def is_in(self, *prefixes: str) -> bool:
        return self.place.startswith(prefixes)

    @property
    def is_domain(self) -> bool:
        return self.is_in("services/") and "/domain/" in self.place


@dataclass(frozen=True)
class Fault:
    """What is wrong where, and what to do instead."""

    line: int
    what: str


Rule = Callable[[Source], Iterator[Fault]]


def sources(*folders: str) -> list[Source]:
    """All Python files below these folders."""
    return [
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def no_sql_outside_sql_files(source: Source) -> Iterator[Fault]:
    """SQL is prose in `.sql` files, where it has a name and a reason."""
    if source.is_in("deploy/", *SQL_ALLOWED):
        return
    tree = source.tree
    docstrings = {id(node) for node in _docstrings(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in docstrings:
            continue
        if isinstance(node.value, str) and SQL.match(node.value):
            yield Fault(node.lineno, "SQL in Python; give it a name and a reason in the service's .sql file")


def no_float_near_money(source: Source) -> Iterator[Fault]:
    """Amounts are whole minor units: no float, no true division, no round."""
    advice = "money is whole minor units; split it with money.allocate, divide with // and say where the rest goes"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.BinOp):
            has_money = _mentions_money(node.left) or _mentions_money(node.right)
            if has_money and (isinstance(node.op, ast.Div) or _is_float(node.left) or _is_float(node.right)):
                yield Fault(node.lineno, f"a float comes of an amount; {advice}")
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div) and _mentions_money(node.target):
            yield Fault(node.lineno, f"a float comes of an amount; {advice}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"float", "round"}:
            if any(_mentions_money(argument) for argument in node.args):
                yield Fault(node.lineno, f"{node.func.id}() of an amount; {advice}")
        elif isinstance(node, ast.AnnAssign | ast.arg):
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target)
            if name.endswith("_minor") and node.annotation and "float" in ast.unparse(node.annotation):
                yield Fault(node.lineno, f"{name} is a float; {advice}")


def no_print(source: Source) -> Iterator[Fault]:
    """A process says what happens in its log."""
    if source.is_in("deploy/", "bench/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "breakpoint"}:
            yield Fault(node.lineno, f"{node.func.id}(); use structlog.get_logger(), with an event name and fields")


OF_NOW_IN_UTC = {f"{now}.{part}" for now in ("now", "utc_now()") for part in ("year", "month", "day")}


def days_are_those_of_the_market(source: Source) -> Iterator[Fault]:
    """A moment becomes a day by shared/calendar.py: for seven hours of each day UTC has another one."""
    if not source.is_in("services/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            values = (*node.args, *(keyword.value for keyword in node.keywords))
            if node.func.attr in {"date", "today"}:
                yield Fault(node.lineno, f".{node.func.attr}(); use day_of() of shared/calendar.py")
            elif node.func.attr == "combine" and any(ast.unparse(value) == "UTC" for value in values):
                yield Fault(node.lineno, "a day of UTC; days begin in WIB, see shared/calendar.py")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in OF_NOW_IN_UTC:
            yield Fault(node.lineno, f"the {node.attr} in UTC; use day_of(...).{node.attr}")


def no_import_inside_a_function(source: Source) -> Iterator[Fault]:
    """What a module needs stands at its top."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    yield Fault(inner.lineno, "an import inside a function; move it to the top, or mend the circle")


def a_module_says_what_it_is_for(source: Source) -> Iterator[Fault]:
    """A docstring first; an empty file needs none."""
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield Fault(1, "no module docstring; say in a sentence what it is for, then what must stay true")


def the_domain_is_a_calculation(source: Source) -> Iterator[Fault]:
    """No await, no clock, no chance: they are passed in."""
    if not source.is_domain:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield Fault(node.lineno, "the domain does not wait; do it in the use case and pass the result in")
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CLOCKS:
                yield Fault(node.lineno, f"{name}() in the domain; pass the time in")
            elif name in CHANCE and not source.is_in(*CHANCE_ALLOWED):
                yield Fault(node.lineno, f"{name}() in the domain; pass ids and randomness in")


def exceptions_are_named(source: Source) -> Iterator[Fault]:
    """No bare except, and none that drops what it caught (but the end of a wait, which is nothing to act on)."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield Fault(node.lineno, "a bare except; catch the narrowest thing you can act on")
            elif ast.unparse(node.type) != "TimeoutError" and isinstance(node.body[0], ast.Pass):
                yield Fault(node.lineno, "an exception is dropped; act on it, or use contextlib.suppress and say why")


def comments_are_finished(source: Source) -> Iterator[Fault]:
    """No notes to self, and an ignore carries its code and its reason."""
    for token in tokenize.generate_tokens(StringIO(source.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string):
            yield Fault(token.start[0], "a note to self; do it, or write it where work is planned")
        if "type: ignore" in token.string and not re.search(r"type: ignore\[[a-z-, ]+\]\s+#\s*\S", token.string):
            yield Fault(token.start[0], "an ignore without code and reason: # type: ignore[code]  # why")


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr):
                yield first.value


def _mentions_money(node: ast.AST) -> bool:
    """Whether the expression is an amount, or arithmetic on one; what a call makes of it is the call's business."""
    if isinstance(node, ast.BinOp):
        return _mentions_money(node.left) or _mentions_money(node.right)
    if isinstance(node, ast.UnaryOp):
        return _mentions_money(node.operand)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return str(name).endswith("_minor")


def _is_float(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


RULES: tuple[Rule, ...] = (
    no_sql_outside_sql_files,
    no_float_near_money,
    no_print,
    days_are_those_of_the_market,
    no_import_inside_a_function,
    a_module_says_what_it_is_for,
    the_domain_is_a_calculation,
    exceptions_are_named,
    comments_are_finished,
)
