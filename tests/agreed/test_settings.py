"""Settings: a file under the environment under the command line; each wrong one named."""

import pytest

from config.problems import BadFile
from config.settings import CloudSettings, EdgeSettings, load_settings


def test_the_environment_lies_over_the_file_and_the_command_line_over_both(tmp_path, monkeypatch):
    file = tmp_path / "edge.toml"
    file.write_text("kiosk_port = 1\npoll_s = 0.5\nsync_s = 20\n", encoding="utf-8")
    monkeypatch.setenv("TUANGUI_EDGE_POLL_S", "0.25")
    given = load_settings(EdgeSettings, file, sync_s=10, kiosk_port=None)
    assert (given.kiosk_port, given.poll_s, given.sync_s) == (1, 0.25, 10)


def test_every_wrong_setting_is_named_at_once(tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text("kiosk_port = 70000\nkiosk_hose = 1\n", encoding="utf-8")
    with pytest.raises(BadFile) as caught:
        load_settings(EdgeSettings, file)
    assert {p.key for p in caught.value.problems} == {"kiosk_port", "kiosk_hose"}
    assert all(p.file == str(file) for p in caught.value.problems)


def test_a_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("TUANGUI_CLOUD_PORT", "many")
    with pytest.raises(BadFile, match="TUANGUI_CLOUD_PORT"):
        load_settings(CloudSettings)


def test_the_kiosk_cannot_be_opened_to_the_network():
    with pytest.raises(BadFile, match="kiosk_host"):
        load_settings(EdgeSettings, kiosk_host="0.0.0.0")
