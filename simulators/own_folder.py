"""A folder for one run, and an end to those that runs left behind which nobody could tidy up."""

import os
import re
import shutil
import tempfile
from pathlib import Path


def own_folder(purpose: str) -> Path:
    """A fresh temporary folder, named after this process; those of the dead are removed first."""
    sweep(purpose)
    return Path(tempfile.mkdtemp(prefix=f"tuangui-{purpose}-{os.getpid()}-"))


def sweep(purpose: str) -> list[Path]:
    """Remove the folders of runs that were killed; which ones. Those of other people are left alone."""
    named = re.compile(rf"tuangui-{re.escape(purpose)}-(\d+)-\w+")
    left = [
        folder
        for folder in Path(tempfile.gettempdir()).glob(f"tuangui-{purpose}-*")
        if (told := named.fullmatch(folder.name)) and not _lives(int(told[1])) and _is_ours(folder)
    ]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return left


def _is_ours(folder: Path) -> bool:
    return not folder.is_symlink() and folder.is_dir() and folder.stat().st_uid == os.getuid()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True
