"""The one way in which a build fails: words that name the file, what was wrong and what to do."""

from __future__ import annotations


class BuildError(Exception):
    """Says in one line why nothing was built; shown as it is, exit code 2."""
