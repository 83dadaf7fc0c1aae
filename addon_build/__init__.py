"""Builds the Blender extension: standard library only, the same bytes from the same sources everywhere.

The parts, lowest first: `errors`, `project` (what pyproject.toml says), `archive` (zip and folder), `wheels`
(the pins), `fetch` (pip brings them), `engine_wheel`, `manifest`, `layout` (what lies where),
`repository` (a static site for Blender), `develop` (a live link), `command` (the command line).
"""
