"""Settings: interfaces.md's table, `.env`, secret files, and a word for every mistake."""

from pathlib import Path

import pytest

from sojourn.bootstrap.channels_file import read_channels
from sojourn.bootstrap.keys import kept
from sojourn.bootstrap.settings import NAMES, Settings, read_settings
from sojourn.errors import ConfigurationError


def test_the_names_are_those_of_interfaces() -> None:
    given = {"PROJECT", "DATABASE", "LISTEN", "API_KEY", "SMTP", "SMS", "CALLS", "KAFKA"}
    ours = {"MASTER_KEY", "ROLES", "TRACES", "KEEP_EVENTS", "KEEP_LOG"} | {
        f"KAFKA_{name}"
        for name in ("PROTOCOL", "MECHANISM", "USER", "PASSWORD", "CA", "CERTIFICATE", "KEY", "GROUP", "BEGIN")
    }
    assert set(NAMES) == {f"SOJOURN_{name}" for name in given | ours}


def test_defaults(tmp_path: Path) -> None:
    settings = read_settings({}, tmp_path)
    assert (settings.listen.host, settings.listen.port) == ("127.0.0.1", 8080)
    assert settings.database_file == tmp_path / "var" / "sojourn.db"
    assert settings.api_key is settings.smtp is settings.sms is settings.calls is settings.kafka is None


def test_everything_given() -> None:
    settings = read_settings(
        {
            "SOJOURN_PROJECT": "insurer", "SOJOURN_DATABASE": "sqlite:///data/s.db", "SOJOURN_LISTEN": "0.0.0.0:0",
            "SOJOURN_API_KEY": "k", "SOJOURN_SMTP": "smtps://u:p@mail.example:465", "SOJOURN_KAFKA": "a:9092,b:9092",
            "SOJOURN_SMS": "https://sms.example/send", "SOJOURN_CALLS": "http://calls.example", "PATH": "ignored",
        }
    )  # fmt: skip
    assert settings.database_file == Path("insurer/data/s.db")
    assert (settings.listen.host, settings.listen.port, settings.kafka) == ("0.0.0.0", 0, "a:9092,b:9092")
    assert settings.smtp is not None
    assert settings.smtp.get_secret_value() == "smtps://u:p@mail.example:465"


def test_secrets_do_not_show(tmp_path: Path) -> None:
    given = {"SOJOURN_API_KEY": "hidden-key", "SOJOURN_SMTP": "smtp://u:hidden@h:25", "SOJOURN_SMS": "http://h/hidden"}
    given |= {"SOJOURN_DATABASE": "postgresql://u:hidden@h/s", "SOJOURN_KAFKA_PASSWORD": "hidden"}
    assert "hidden" not in repr(read_settings(given, tmp_path))


def test_an_absolute_database(tmp_path: Path) -> None:
    settings = read_settings({"SOJOURN_DATABASE": f"sqlite:///{tmp_path}/x.db"}, Path("elsewhere"))
    assert settings.database_file == tmp_path / "x.db"


def test_the_environment_wins_over_the_file_of_the_project(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOJOURN_LISTEN=127.0.0.1:1\nSOJOURN_API_KEY='from file'\nOTHER=x\n")
    settings = read_settings({"SOJOURN_LISTEN": "127.0.0.1:2"}, tmp_path)
    assert settings.listen.port == 2
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "from file"


def test_a_secret_from_a_file_and_the_plain_name_wins(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    given = {"SOJOURN_API_KEY_FILE": str(tmp_path / "key")}
    found = read_settings(given, tmp_path).api_key
    assert found is not None
    assert found.get_secret_value() == "from a file"
    found = read_settings(given | {"SOJOURN_API_KEY": "plain"}, tmp_path).api_key
    assert found is not None
    assert found.get_secret_value() == "plain"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"SOJOURN_SMPT": "smtp://h"}, "SOJOURN_SMTP"),
        ({"SOJOURN_APIKEY": "k"}, "SOJOURN_API_KEY"),
        ({"SOJOURN_LISTEN": "8080"}, "127.0.0.1:8080"),
        ({"SOJOURN_LISTEN": "127.0.0.1:99999"}, "SOJOURN_LISTEN"),
        ({"SOJOURN_LISTEN": "127.0.0.1:-1"}, "127.0.0.1:8080"),
        ({"SOJOURN_DATABASE": "mysql://h/db"}, "sqlite:///"),
        ({"SOJOURN_SMTP": "mail.example:25"}, "smtp://"),
        ({"SOJOURN_SMS": "ftp://h/x"}, "https://"),
        ({"SOJOURN_CALLS": "http://"}, "https://"),
        ({"SOJOURN_API_KEY_FILE": "no such file"}, "SOJOURN_API_KEY_FILE"),
        ({"SOJOURN_MASTER_KEY": "abc"}, "64 hexadecimal digits"),
        ({"SOJOURN_KAFKA_PROTOCOL": "tls"}, "SOJOURN_KAFKA_PROTOCOL"),
        ({"SOJOURN_KAFKA_BEGIN": "now"}, "SOJOURN_KAFKA_BEGIN"),
    ],
)
def test_each_mistake_has_its_word(tmp_path: Path, given: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings(given, tmp_path)
    assert says in str(caught.value)


def test_a_misspelt_name_in_the_file_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOJOURN_LISTN=127.0.0.1:1\n")
    with pytest.raises(ConfigurationError, match="SOJOURN_LISTEN"):
        read_settings({}, tmp_path)


def test_embedded_mode_wants_sqlite() -> None:
    settings = Settings(database="postgresql://u:p@h/db")
    with pytest.raises(ConfigurationError, match="SQLite"):
        assert settings.database_file


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "api.key"
    first, again = kept(path, "sj_"), kept(path, "sj_")
    assert (first.is_new, again.is_new, first.value == again.value) == (True, False, True)
    assert first.value.startswith("sj_")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["api.key"]


def test_a_secret_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("in the way")
    with pytest.raises(ConfigurationError, match="writable"):
        kept(tmp_path / "var" / "api.key")


def test_channels_have_defaults_and_the_file_of_the_reference_is_read(tmp_path: Path) -> None:
    assert read_channels(tmp_path).sms.encoding == "json"
    ours = read_channels(Path(__file__).parents[2])
    assert (ours.email.sender, ours.email.unsubscribe) == ("service@qc.example", "unsubscribe")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sms: {encodng: form}", "sms.encodng"),
        ("sms: {encoding: xml}", "sms.encoding"),
        ("sms: {timeout: 90}", "sms.timeout"),
        ("email: {at_once: 0}", "email.at_once"),
        ("fax: {}", "fax"),
        ("sms: [", "cannot be read"),
        ("sms: {}\nsms: {}", "cannot be read"),
    ],
)
def test_a_mistake_in_the_channels_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "channels.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_channels(tmp_path)
    assert says in str(caught.value)
