"""What pip was told reaches uv, and what uv was told is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_addon import pip_settings
from blender_addon.pip_settings import forbids_indexes, has_own_torch, read_pip_settings, uv_environment


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose pip is configured below `tmp_path`, with nothing of this computer's."""
    monkeypatch.setattr(pip_settings, "_SHARED", tmp_path / "etc.conf")
    return {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CONFIG_DIRS": str(tmp_path),
    }


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_mirror_in_the_users_file_becomes_uvs_index(home: dict[str, str], tmp_path: Path) -> None:
    write(
        tmp_path / "config/pip/pip.conf",
        "[global]\nindex-url = https://mirror.example/simple\n"
        "extra_index_url =\n  https://a.example/simple\n  https://b.example/simple\n"
        "[install]\ntrusted-host = mirror.example\nfind-links = ~/wheels /more\ntimeout = 60.5\n",
    )
    told = uv_environment(home, platform="linux")
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert told["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert told["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert told["UV_INSECURE_HOST"] == "mirror.example"
    assert told["UV_FIND_LINKS"].endswith("/wheels,/more")
    assert "~" not in told["UV_FIND_LINKS"]
    assert told["UV_HTTP_TIMEOUT"] == "60"


def test_uvs_own_words_win(home: dict[str, str]) -> None:
    pip = {"PIP_INDEX_URL": "https://pip.example", "PIP_CERT": "/pip.pem", "PIP_PROXY": "http://pip:1"}
    uv = {"UV_INDEX_URL": "https://uv.example", "SSL_CERT_FILE": "/uv.pem", "https_proxy": "http://uv:1"}
    told = uv_environment(home | pip | uv, platform="linux")
    assert "UV_DEFAULT_INDEX" not in told
    assert told["SSL_CERT_FILE"] == "/uv.pem"
    assert "HTTPS_PROXY" not in told
    told = uv_environment(home | pip, platform="linux")
    assert told["UV_DEFAULT_INDEX"] == "https://pip.example"
    assert told["SSL_CERT_FILE"] == "/pip.pem"
    assert told["HTTPS_PROXY"] == told["HTTP_PROXY"] == "http://pip:1"
    assert told["UV_SYSTEM_CERTS"] == "1"
    assert uv_environment(home | {"UV_SYSTEM_CERTS": "0"}, platform="linux")["UV_SYSTEM_CERTS"] == "0"


def test_later_files_win_and_variables_win_over_files(home: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "pip/pip.conf", "[global]\nindex-url = shared\ncert = shared.pem\nproxy = shared\n")
    write(tmp_path / ".pip/pip.conf", "[install]\nindex-url = install\n")
    write(tmp_path / "config/pip/pip.conf", "[global]\nindex-url = global\n[install]\ncert = user.pem\n")
    assert read_pip_settings(home, platform="linux")["index-url"] == "install"
    assert read_pip_settings(home, platform="linux")["cert"] == "user.pem"
    chosen = write(tmp_path / "chosen.conf", "[global]\nproxy = chosen\n")
    told = read_pip_settings(
        home | {"PIP_CONFIG_FILE": str(chosen), "PIP_CERT": "said.pem"}, platform="linux"
    )
    assert (told["proxy"], told["cert"]) == ("chosen", "said.pem")


def test_each_platform_has_its_files(home: dict[str, str], tmp_path: Path) -> None:
    windows = {
        "USERPROFILE": str(tmp_path),
        "APPDATA": str(tmp_path / "Roaming"),
        "PROGRAMDATA": str(tmp_path),
    }
    write(tmp_path / "Roaming/pip/pip.ini", "\ufeff[global]\nindex-url = https://win.example\n")
    assert read_pip_settings(windows, platform="win32")["index-url"] == "https://win.example"
    write(
        tmp_path / "Library/Application Support/pip/pip.conf", "[global]\nindex-url = https://mac.example\n"
    )
    assert read_pip_settings({"HOME": home["HOME"]}, platform="darwin")["index-url"] == "https://mac.example"


def test_a_broken_file_counts_as_absent(home: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "config/pip/pip.conf", "index-url = without a section\n")
    (tmp_path / "broken.conf").write_bytes(b"[global]\nproxy = \xff\xfe\n")
    told = home | {"PIP_CONFIG_FILE": str(tmp_path / "broken.conf"), "PIP_NO_INDEX": "true"}
    assert read_pip_settings(told, platform="linux") == {"no-index": "true"}
    assert forbids_indexes(told, platform="linux")
    assert not forbids_indexes(home, platform="linux")


def test_a_torch_of_the_users_own_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "내 wheels"
    write(folder / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl", "")
    assert has_own_torch({"UV_FIND_LINKS": f"https://a.example/links,{folder}"})
    assert has_own_torch({"UV_FIND_LINKS": folder.as_uri()})
    assert not has_own_torch({"UV_FIND_LINKS": str(tmp_path)})
    assert not has_own_torch({})
    assert has_own_torch({"UV_FIND_LINKS": str(folder)}, "2.13.0")
    assert not has_own_torch({"UV_FIND_LINKS": str(folder)}, "2.12.0")
