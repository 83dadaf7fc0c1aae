"""A folder that any web server, or a disk, can offer to Blender as an extension repository.

The same index.json as Blender's own `extension server-generate` writes (its listing API, version v1), with
relative links only, so that the folder works wherever it is put.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{name} {version}</title></head>
<body>
<h1>{name} {version}</h1>
<p>{tagline}. For Blender {blender_version_min} and later.</p>
<p>Drag the link for your computer into Blender's window. Or in Blender, Preferences, Get Extensions,
Repositories, add this page's address with <a href="./index.json">index.json</a> at its end as a remote
repository: then Blender tells you of new versions.</p>
<ul>
{links}
</ul>
</body>
</html>
"""


def listing(archives: Mapping[str, tuple[bytes, bytes]]) -> dict[str, bytes]:
    """index.json and index.html for zips of one version, given as file name -> (zip, its manifest)."""
    packages = [_package(name, *archives[name]) for name in sorted(archives)]
    index = {"version": "v1", "blocklist": [], "data": packages}
    links = "\n".join(_link(package) for package in packages)
    page = _PAGE.format(links=links, **{key: html.escape(str(value)) for key, value in packages[0].items()})
    return {
        "index.json": json.dumps(index, indent=2, ensure_ascii=False).encode() + b"\n",
        "index.html": page.encode(),
    }


def _package(name: str, archive: bytes, manifest: bytes) -> dict[str, Any]:
    """One package as the listing says it: the manifest without wheels, and how to get and check the zip."""
    package = tomllib.loads(manifest.decode())
    wheels = package.pop("wheels", [])
    return package | {
        "python_versions": _python_versions(wheels),
        "archive_url": f"./{quote(name)}",
        "archive_size": len(archive),
        "archive_hash": f"sha256:{hashlib.sha256(archive).hexdigest()}",
    }


def _python_versions(wheels: list[str]) -> list[str]:
    """The Pythons that the wheels name; one for the stable ABI names none, since it serves all later ones."""
    tags = [re.search(r"-cp3(\d+)-cp3", wheel) for wheel in wheels]
    return [f"3.{minor}" for minor in sorted({int(tag[1]) for tag in tags if tag})]


def _link(package: Mapping[str, Any]) -> str:
    query = {
        "repository": "./index.json",
        "blender_version_min": package["blender_version_min"],
        "platforms": ",".join(package["platforms"]),
    }
    if package["python_versions"]:
        query["python_versions"] = ",".join(package["python_versions"])
    address = f"{package['archive_url']}?{urlencode(query, safe='./,')}"
    size_mb = package["archive_size"] / 1e6
    words = f"{', '.join(package['platforms'])} ({size_mb:.1f} MB)"
    return f'<li><a href="{html.escape(address)}">{html.escape(words)}</a></li>'
