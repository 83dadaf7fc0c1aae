"""No bpy. Whoever needs a mirror, a proxy or a certificate has told pip already, and uv is told the same.

What the user said to uv itself wins over what pip was told.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

_KEYS = (
    *("index-url", "extra-index-url", "find-links", "no-index", "cert", "client-cert", "proxy"),
    *("trusted-host", "timeout", "default-timeout"),
)
_SHARED = Path("/etc/pip.conf")
# Variables of the user's uv that would lead it away from the set-up's own environment.
_FOREIGN = (
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_NO_CACHE",
    "UV_OFFLINE",
)


def read_pip_settings(environment: Mapping[str, str], *, platform: str = sys.platform) -> dict[str, str]:
    """What pip has been told on this computer, by the name of pip's option ("index-url", ...).

    Reads pip.conf (pip.ini on Windows) of the computer and the user, PIP_CONFIG_FILE and PIP_* variables, the
    later ones winning, as pip's documentation of its configuration orders them. A file that cannot be read
    counts as absent.
    """
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for file in _files(environment, platform):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(file, encoding="utf-8-sig")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip will not have worked with it either
        for section in found:
            if parser.has_section(section):
                items = {key.replace("_", "-"): value for key, value in parser.items(section)}
                found[section] |= {key: items[key] for key in _KEYS if items.get(key)}
    said = {key: environment.get(f"PIP_{key.upper().replace('-', '_')}", "") for key in _KEYS}
    # Options for `pip install` win over those for all of pip, whichever file they stand in.
    return found["global"] | found["install"] | {key: value for key, value in said.items() if value}


def uv_environment(environment: Mapping[str, str], *, platform: str = sys.platform) -> dict[str, str]:
    """`environment` with what pip was told in the variables that uv reads; what uv was told stays.

    The computer's own certificates are trusted, as pip does: a company's proxy is known only to them.
    """
    pip = read_pip_settings(environment, platform=platform)
    said = {
        "UV_DEFAULT_INDEX": (pip.get("index-url", "").strip(), ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
        "UV_INDEX": (" ".join(pip.get("extra-index-url", "").split()), ("UV_INDEX", "UV_EXTRA_INDEX_URL")),
        "UV_FIND_LINKS": (",".join(find_links(pip)), ("UV_FIND_LINKS",)),
        "UV_INSECURE_HOST": (" ".join(pip.get("trusted-host", "").split()), ("UV_INSECURE_HOST",)),
        "UV_HTTP_TIMEOUT": (_seconds(pip), ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT")),
        "SSL_CERT_FILE": (_path(pip.get("cert", "")), ("SSL_CERT_FILE",)),
        "SSL_CLIENT_CERT": (_path(pip.get("client-cert", "")), ("SSL_CLIENT_CERT",)),
        "HTTPS_PROXY": (pip.get("proxy", ""), ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")),
        "HTTP_PROXY": (pip.get("proxy", ""), ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")),
        "UV_SYSTEM_CERTS": ("1", ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS")),
        # pip takes the best version of all its sources; uv by default stops at the first that has the package
        "UV_INDEX_STRATEGY": (
            "unsafe-best-match" if pip.get("extra-index-url") else "",
            ("UV_INDEX_STRATEGY", "UV_INDEX", "UV_EXTRA_INDEX_URL"),
        ),
    }
    told = {
        name: value
        for name, (value, owners) in said.items()
        if value and not any(environment.get(owner) for owner in owners)
    }
    return {name: value for name, value in environment.items() if name not in _FOREIGN} | told


def forbids_indexes(environment: Mapping[str, str], *, platform: str = sys.platform) -> bool:
    """Whether pip was told to take packages from find-links alone."""
    answer = read_pip_settings(environment, platform=platform).get("no-index", "")
    return answer.strip().lower() in ("1", "true", "yes", "on")


def find_links(pip: Mapping[str, str]) -> list[str]:
    """The places of packages that are no index: folders, file: URLs and pages."""
    return [os.path.expanduser(place) for place in pip.get("find-links", "").split()]


def has_own_torch(environment: Mapping[str, str], version: str = "") -> bool:
    """Whether a folder of the user's find-links, as uv will be told them, holds a torch of `version`.

    uv asks PyTorch's own index before all others once it is given a backend, so a torch that somebody put
    there by hand would never be taken.
    """
    places = environment.get("UV_FIND_LINKS", "").split(",")
    paths = [unquote(place.removeprefix("file://")) for place in places if place]
    folders = [Path(path.lstrip("/") if os.name == "nt" else path) for path in paths]
    return any(any(folder.glob(f"torch-{version}*.whl")) for folder in folders if folder.is_dir())


def _files(environment: Mapping[str, str], platform: str) -> list[Path]:
    """The configuration files of pip in the order in which it reads them, there or not."""
    chosen = environment.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:  # pip's way to say: no files at all
        return []
    home = Path(environment.get("USERPROFILE" if platform == "win32" else "HOME") or Path.home())
    if platform == "win32":
        files = [
            Path(environment.get("PROGRAMDATA", "C:/ProgramData"), "pip/pip.ini"),
            home / "pip/pip.ini",
            Path(environment.get("APPDATA", home / "AppData/Roaming"), "pip/pip.ini"),
        ]
    else:
        user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip/pip.conf")
        shared = [
            Path(folder, "pip/pip.conf")
            for folder in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))
        ]
        if platform == "darwin":
            shared = [Path("/Library/Application Support/pip/pip.conf")]
            apple = home / "Library/Application Support/pip"
            user = apple / "pip.conf" if apple.is_dir() else user
        files = [*shared, _SHARED, home / ".pip/pip.conf", user]
    return [*files, *([Path(chosen)] if chosen else [])]


def _seconds(pip: Mapping[str, str]) -> str:
    """Pip's time-out as uv takes it: whole seconds."""
    text = (pip.get("timeout") or pip.get("default-timeout") or "").strip()
    return text.partition(".")[0] if text.replace(".", "", 1).isdigit() else ""


def _path(text: str) -> str:
    return os.path.expanduser(text.strip())
