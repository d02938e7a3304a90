"""What is wrong with a file, all of it at once: every problem names the file, the key and the reason."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that must be put right, at a key path such as ``compartment[3].board``."""

    file: str
    key: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.reason}"


class BadFile(ValueError):
    """A file that cannot be used; ``problems`` holds every reason, never just the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def one(file: Path | str, key: str, reason: str) -> BadFile:
    return BadFile([Problem(str(file), key, reason)])
