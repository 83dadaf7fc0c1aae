"""Mesh files of artists: read whatever they hold, changed only where a new texture asks for it."""
