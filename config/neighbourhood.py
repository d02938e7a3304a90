"""A neighbourhood file lists the cabinet files of one place; paths are relative to it."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.cabinet import Cabinet, load
from config.problems import BadFile, Problem, one


class _Listed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name_zh: str = Field(min_length=1)
    name_en: str = Field(min_length=1)
    cabinets: tuple[str, ...] = Field(min_length=1)


class Neighbourhood(BaseModel):
    """A place and its cabinets, each with the file it came from."""

    model_config = ConfigDict(frozen=True)
    name_zh: str
    name_en: str
    cabinets: tuple[tuple[Path, Cabinet], ...]


def load_neighbourhood(path: Path | str) -> Neighbourhood:
    """Read the list and every cabinet file on it; ``BadFile`` tells every problem of all of them."""
    file = Path(path)
    try:
        listed = _Listed.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise one(file, "-", f"cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise one(file, "-", f"is not TOML: {error}") from error
    except ValidationError as error:
        raise BadFile(
            [Problem(str(file), ".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        ) from error
    return Neighbourhood(name_zh=listed.name_zh, name_en=listed.name_en, cabinets=_cabinets(file, listed))


def _cabinets(file: Path, listed: _Listed) -> tuple[tuple[Path, Cabinet], ...]:
    found: list[tuple[Path, Cabinet]] = []
    problems: list[Problem] = []
    for at, name in enumerate(listed.cabinets):
        try:
            found.append((file.parent / name, load(file.parent / name)))
        except BadFile as error:
            problems += error.problems
            continue
        if any(other.id == found[-1][1].id for _, other in found[:-1]):
            problems.append(Problem(str(file), f"cabinets[{at}]", f"{found[-1][1].id} stands here twice"))
    if problems:
        raise BadFile(problems)
    return tuple(found)
