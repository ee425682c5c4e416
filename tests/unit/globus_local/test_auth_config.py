"""The configuration file: what is understood, and what is refused with its name."""

from pathlib import Path

import pytest

from globus_local.config import config_from, load_config
from globus_local.errors import ConfigError


def test_a_whole_file_is_read_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "globus-local.toml"
    file.write_text(
        """
        data_folder = "data"
        port = 4711
        [[identities]]
        id = "a"
        username = "ada@example.org"
        [[clients]]
        id = "c"
        redirect_uris = ["https://portal.example/callback"]
        [[collections]]
        id = "d"
        display_name = "Data"
        path = "files"
        administrators = ["a"]
        [[collections.rules]]
        principal = "a"
        path = "/x/"
        permissions = "rw"
        """
    )

    config = load_config(file)

    assert config.data_folder == tmp_path / "data"
    assert config.issuer == "http://127.0.0.1:4711"
    assert config.clients[0].redirect_uris == ("https://portal.example/callback",)
    assert config.collections[0].path == tmp_path / "files"
    assert config.collections[0].rules[0].principal_type == "identity"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"prot": 1}, "prot"),
        ({"port": "8080"}, "port"),
        ({"port": True}, "port"),
        ({"create_account": 1}, "create_account"),
        ({"public_url": "https://globus.example/path"}, "public_url"),
        ({"public_url": "globus.example"}, "public_url"),
        ({"clients": [{"name": "x"}]}, "id"),
        ({"clients": [{"id": "x", "redirect_uris": "https://x"}]}, "redirect_uris"),
        ({"collections": [{"id": "d", "display_name": "D", "path": ".", "rules": [{"pth": "/"}]}]}, "pth"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, object], named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=named):
        config_from({"data_folder": "data", **document}, folder=tmp_path)


def test_a_file_that_is_not_there_or_no_toml_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("= = =")

    with pytest.raises(ConfigError, match=r"missing\.toml"):
        load_config(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        load_config(tmp_path / "bad.toml")
