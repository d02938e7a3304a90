"""What the light beam across a compartment says over time: pure, no clock, no wire.

Only behind a shut door does it tell anything (hands interrupt it, too), and it must be read twice to be
believed. A word that was overruled counts for nothing until the beam has said the other thing.
"""

from dataclasses import dataclass, replace

SETTLES_S = 2.0
"""A beam that still flickers so long after its door was closed says nothing of this visit."""


@dataclass(frozen=True, slots=True)
class Beam:
    """``word``: something lies there; None: no beam, or not read often enough since the door was shut."""

    word: bool | None = None
    doubt: bool | None = None
    """A reading that still wants a second one; None: there is none."""
    overruled: bool | None = None
    """This word is known not to fit: True, a person looked and found nothing; False, the goods lie there all
    the same, or that they are missed was told."""

    @property
    def sees(self) -> bool | None:
        """What is believed; None: there is no evidence."""
        return None if self.word is self.overruled else self.word

    @property
    def settles(self) -> bool:
        """The next reading may say something else."""
        return self.doubt is not None

    @property
    def kept(self) -> "Beam":
        """What outlives the program."""
        return Beam(overruled=self.overruled)

    @property
    def is_back(self) -> bool:
        """It was overruled, and has said the other thing since."""
        return None not in (self.word, self.overruled) and self.word is not self.overruled


def look(beam: Beam, interrupted: bool | None, *, is_open: bool) -> Beam:
    """The beam after a reading of it and of the door's switch; ``interrupted`` is None: there is no beam."""
    if is_open or interrupted is None:
        return beam.kept
    if interrupted is beam.word:
        return replace(beam, doubt=None)
    if interrupted is not beam.doubt:
        return replace(beam, doubt=interrupted)
    return replace(beam, word=interrupted, doubt=None)
