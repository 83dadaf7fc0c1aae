"""Builds the Blender extension with nothing but Python: `python3 build_addon.py --help`.

The work is in addon_build/; docs/addon_build.md says what can be relied on.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the command line and returns its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  # run before anything has checked it
        print("build_addon: Python 3.11 or newer is needed, this is", sys.version.split()[0], file=sys.stderr)
        return 2
    from addon_build.command import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
