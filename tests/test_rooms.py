"""The rooms of the project: who may import whom, who owns which library, what lies at the top.

These rules hold for every file of the repository, so a new room is covered the moment it is written.
"""

import ast
import importlib.metadata
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

PACKAGES = ["config", "firmware_bridge", "controller", "cloud", "simulators"]
TOP_LEVEL = {
    *PACKAGES, "tests", "pyproject.toml", "README.md",
    "tuangui", "LICENSE", "docs", "requirements", ".ci", ".gitignore",
}  # fmt: skip

MAY_IMPORT = {
    "config": set(),
    "firmware_bridge": {"config"},
    "controller": {"config", "firmware_bridge"},
    "cloud": {"config"},
    "simulators": {"config", "firmware_bridge"},
}
# The whole product on a virtual clock, in one process: the only room of the simulators that knows it all.
KNOWS_THE_PRODUCT = "simulators/scenario"
# Simulators share the frame definitions of the drivers, never what owns a line or a bus.
OWNERS_OF_WIRES = ("ports", "line", "assemble", "modbus.ModbusBus")
NOT_FOR_SIMULATORS = {f"firmware_bridge.{owner}" for owner in OWNERS_OF_WIRES}

# Library: the rooms that may import it. A room is a file or the folder of the same name.
OWNERS = {
    "paho": ["controller/uplink", "cloud/downlink"],
    "serial": ["firmware_bridge/line", "simulators/measure/peers"],  # the peer is a script of its own
    "serial_asyncio_fast": ["firmware_bridge/line"],
    "pymodbus": ["firmware_bridge/modbus", "simulators"],
    "gpiozero": ["firmware_bridge/gpio", "firmware_bridge/lock_gpio"],
    "sqlite_utils": ["controller/store"],
    "sqlalchemy": ["cloud/store"],
    "alembic": ["cloud/store"],
    "aiosqlite": ["cloud/store"],
    "asyncpg": ["cloud/store"],
    "nicegui": ["cloud/console", "simulators/bench"],
}

PLACES = re.compile(
    r"/wor[k]/|/User[s]/\w|--index-ur[l]|--extra-inde[x]|--find-link[s]"
    r"|py[p]i\.|pythonhoste[d]|npmj[s]\.|\bde[b]\.debian|proxy\.golan[g]"
)
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
SECRET_NAME = re.compile(r"(?i)(^|[_-])(password|passwd|passphrase|secret|token|apikey|api_key)$")
SECRET_LINE = re.compile(r"""(?i)^\s*([\w-]*?)\s*[=:]\s*["']?([^"'\s#]{8,})""")
RANDOM_WORD = re.compile(r"[A-Za-z0-9+/_=-]{32,}")
WRITTEN_BY_HAND = {".py", ".toml", ".yaml", ".yml", ".conf", ".env", ".service", ".sh", ".ini", ".example"}


def repository_files() -> list[Path]:
    """What is in the repository or about to be, relative to its root."""
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *listing]
    names = subprocess.run(git, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted({Path(name) for name in names if name and (ROOT / name).is_file()})


FILES = repository_files()
SOURCES = [path for path in FILES if path.suffix == ".py" and path.parts[0] in PACKAGES]


def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8", errors="ignore")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that a file imports, relative imports resolved."""
    package = path.parent.parts
    for node in ast.walk(ast.parse(text_of(path), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def is_in(path: Path, room: str) -> bool:
    return path.with_suffix("").as_posix() == room or path.as_posix().startswith(room + "/")


def is_named(module: str, name: str) -> bool:
    return module == name or module.startswith(name + ".")


def test_the_repository_has_only_these_names_at_the_top() -> None:
    assert {path.parts[0] for path in FILES} == TOP_LEVEL


def test_a_room_imports_only_the_rooms_it_may_know() -> None:
    ours = {*PACKAGES, "tests"}
    wrong = [
        f"{path}:{line} imports {module}"
        for path in SOURCES
        for line, module in imports(path)
        if not is_in(path, KNOWS_THE_PRODUCT)
        if (top := module.split(".")[0]) in ours - MAY_IMPORT[path.parts[0]] - {path.parts[0]}
        or (path.parts[0] == "simulators" and any(is_named(module, room) for room in NOT_FOR_SIMULATORS))
        or top == "tests"
    ]
    assert wrong == []


def test_a_library_is_imported_only_by_its_owner() -> None:
    wrong = [
        f"{path}:{line} imports {module}"
        for path in SOURCES
        for line, module in imports(path)
        if (owners := OWNERS.get(module.split(".")[0])) and not any(is_in(path, owner) for owner in owners)
    ]
    assert wrong == []


def test_no_top_level_name_shadows_a_module_or_is_shadowed_by_one() -> None:
    ours = {Path(name).stem for name in TOP_LEVEL if not name.startswith(".")}
    installed = set(importlib.metadata.packages_distributions())
    assert ours & (set(sys.stdlib_module_names) | installed) == set()


def test_tests_are_no_packages() -> None:
    # tests/controller/__init__.py would be imported in place of the product's controller.
    assert [str(path) for path in FILES if path.parts[0] == "tests" and path.name == "__init__.py"] == []


IMPORT_EACH = """
import importlib, os, sys, threading

def going_on():
    open_files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                  if os.path.islink(f"/proc/self/fd/{fd}")]
    children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    return ([t.name for t in threading.enumerate() if t is not threading.main_thread()]
            + [name for name in open_files if name.startswith("socket:")]
            + [f"process {child}" for child in children])

already = going_on()
for module in sys.argv[1:]:
    importlib.import_module(module)
    started = [thing for thing in going_on() if thing not in already]
    if started:
        sys.exit(f"importing {module} started {started}")
"""


def modules() -> list[str]:
    """Every module of ours; scripts that a tool runs (no package around them) are none."""
    packages = {path.parent for path in SOURCES if path.name == "__init__.py"}
    return [
        ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCES
        if packages.issuperset(path.parents[:-1])
    ]


def test_importing_any_module_starts_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IMPORT_EACH, *modules()]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def written_secrets(path: Path) -> Iterator[str]:
    """Lines of a configuration file, or literals of a Python file, that give a secret's name a value."""
    if path.suffix != ".py":
        for line in text_of(path).splitlines():
            found = SECRET_LINE.match(line)
            if found and SECRET_NAME.search(found[1]) and not found[2].startswith(("$", "<", "/")):
                yield f"{path}: {line.strip()}"
        return
    for node in ast.walk(ast.parse(text_of(path), str(path))):
        for name, value in named_values(node):
            literal = value.value if isinstance(value, ast.Constant) else None
            if SECRET_NAME.search(name) and isinstance(literal, str | bytes) and len(literal) >= 8:
                yield f"{path}:{value.lineno} gives {name} a value"


def named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value


def entropy_bits(word: str) -> float:
    """Shannon entropy per character: about 5 for base64 of random bytes, at most 4 for hex."""
    shares = [count / len(word) for count in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares)


def test_no_secret_is_in_the_repository() -> None:
    by_hand = [path for path in FILES if path.suffix in WRITTEN_BY_HAND]
    product = [path for path in by_hand if path.parts[0] != "tests"]
    found = [f"{path} holds a private key" for path in FILES if PRIVATE_KEY.search(text_of(path))]
    found += [line for path in product for line in written_secrets(path)]
    found += [
        f"{path} holds what looks random: {word[:12]}..."
        for path in product
        for word in RANDOM_WORD.findall(text_of(path))
        if entropy_bits(word) >= 4.5
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("broker.toml", 'password = "correct-horse"'),
        ("edge.env", "TUANGUI_API_TOKEN=correct-horse"),
        ("a.py", 'connect(user="x", password="correct-horse")'),
        ("b.py", 'headers = {"token": "correct-horse"}'),
    ],
)
def test_a_secret_would_be_found(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert list(written_secrets(path))


def test_random_bytes_would_be_found() -> None:
    assert entropy_bits("q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQm5wPzLsXt1o=") >= 4.5
    assert entropy_bits("test_another_cabinets_publish_gets_nowhere") < 4.5


def test_nothing_names_a_place_outside_the_repository() -> None:
    wrong = [
        f"{path}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if PLACES.search(line)
    ]
    assert wrong == []
