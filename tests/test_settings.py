"""Settings: the example loads as it stands, and each mistake is one line with place and remedy."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from bot import settings_env
from bot.domain.errors import ConfigError
from bot.domain.reader import DIGESTS, Choices, Quiet
from bot.settings import (
    DEFAULT_SECTIONS,
    LANGUAGES,
    ChannelConfig,
    FeedConfig,
    SectionConfig,
    Settings,
    Silence,
    load,
)
from bot.settings_file import Secret, keys

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / "newsdesk.example.toml").read_text("utf-8")


def loaded(folder: Path, text: str = "", **environ: str) -> Settings:
    (folder / "newsdesk.toml").write_text(text, "utf-8")
    return load(environ, folder)


def refused(folder: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **environ)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


def test_no_file_means_defaults_and_the_one_feed(tmp_path: Path) -> None:
    found = load({"FEED_URL": "https://example.kz/rss"}, tmp_path)
    assert found == Settings(sections=DEFAULT_SECTIONS, feeds=(FeedConfig("https://example.kz/rss"),))
    assert found.newsroom.zone.key == "Asia/Almaty"
    assert " ".join(s.id for s in found.sections) == (
        "kazakhstan world interview lifestyle sport culture regions amanat"
    )
    assert all(set(s.name) == set(LANGUAGES) and s.match for s in found.sections)


def test_the_example_holds_the_defaults(tmp_path: Path) -> None:
    found = loaded(tmp_path, EXAMPLE)
    assert (found.newsroom.name, found.newsroom.owners) == ("Liter.kz", (9001,))
    assert replace(found.newsroom, name="", url="", owners=(), self_credits=()) == Settings().newsroom
    for table in ("delivery", "posts", "readers", "desk", "rates"):
        assert getattr(found, table) == getattr(Settings(), table)
    assert found.sections == (
        SectionConfig("sport", {"ru": "Спорт", "kk": "Спорт", "en": "Sport"}, ("спорт", "sport")),
    )
    assert found.feeds == (FeedConfig("https://example.kz/rss", "ru", "sport", "Asia/Almaty", 60),)
    assert found.channels == (ChannelConfig("@liter_kz", language="ru", quiet_hours="23:00-07:30"),)
    assert found.silence[0].until.isoformat() == "2026-11-23T00:00:00"
    assert [w.split(":")[0] for w in found.warnings] == ["newsdesk.toml, [[silence]] 1 sections"]


def test_the_example_shows_every_key() -> None:
    tables = tomllib.loads(EXAMPLE)
    for name, cls in [(n, type(getattr(Settings(), n))) for n in ("newsroom", "delivery", "posts")] + [
        ("readers", type(Settings().readers)),
        ("desk", type(Settings().desk)),
        ("rates", type(Settings().rates)),
    ]:
        assert set(tables[name]) == set(keys(cls)), name
    for name, cls in {
        "sections": SectionConfig,
        "feeds": FeedConfig,
        "channels": ChannelConfig,
        "silence": Silence,
    }.items():
        assert set(tables[name][0]) == set(keys(cls)), name


def test_a_section_changes_posts_for_itself(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        """
        [posts]
        footer = "ours"
        [[sections]]
        id = "sport"
        picture = "photo"
        [[sections]]
        id = "world"
        """,
    )
    assert (found.posts_for("sport").picture, found.posts_for("sport").footer) == ("photo", "ours")
    assert found.posts_for("world") == found.posts == found.posts_for("unheard")
    plain = loaded(tmp_path, '[posts]\nfooter = "ours"\n')
    assert plain.posts_for("amanat").footer == "ours"


def test_a_post_is_valid_as_long_as_the_longest_of_its_sections(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        """
        [posts]
        valid_for = "2h"
        [[sections]]
        id = "sport"
        valid_for = "30m"
        [[sections]]
        id = "world"
        """,
    )
    assert found.valid_for(["sport"]) == 1800
    assert found.valid_for(["sport", "world"]) == found.valid_for([]) == 7200


def test_modes_and_what_else_a_newsroom_chooses(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        """
        [posts]
        valid_for = "2d"
        buttons = ["more", "save", "read"]
        [readers]
        volume = 6
        quiet_hours = "off"
        digest_at = ["08:00", "19:00"]
        [[sections]]
        id = "sport"
        mode = "hold 3m"
        [[sections]]
        id = "ads"
        mode = "manual"
        kind = "partner"
        [[sections]]
        id = "world"
        """,
    )
    assert found.warnings == ()
    assert found.posts.valid_for == 2 * 86400
    assert [(one.mode, one.delay, one.kind) for one in found.sections] == [
        ("hold 3m", 180, "news"),
        ("manual", 0, "partner"),
        ("auto", 0, "news"),
    ]


SPORT = '[[sections]]\nid = "sport"\n'
FEED = '[[feeds]]\nurl = "https://example.kz/rss"\n'


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("[newsrom]\n", "[newsrom]", "'newsroom'"),
        ("newsroom = 3\n", "[newsroom]", "below a line"),
        ('[newsroom]\nnmae = "x"\n', "[newsroom] nmae", "'name'"),
        ("[newsroom]\nxyzzy = 1\n", "[newsroom] xyzzy", "Known here"),
        ("[newsroom]\nname = 3\n", "[newsroom] name", "quotes"),
        (f'[newsroom]\nname = "{"x" * 65}"\n', "[newsroom] name", "Shorten"),
        ('[newsroom]\ntimezone = "Asia/Astana"\n', "timezone", "Asia/"),
        ('[newsroom]\ntimezone = "Qqqq"\n', "timezone", "Asia/Almaty"),
        ('[newsroom]\ntimezone = "../etc/passwd"\n', "timezone", "IANA"),
        ('[newsroom]\ntimezone = "UTC+5"\n', "timezone", "zone of a city"),
        ('[newsroom]\ntimezone = "+05:00"\n', "timezone", "zone of a city"),
        ('[newsroom]\ntimezone = "Etc/GMT-5"\n', "timezone", "zone of a city"),
        ('[newsroom]\nlanguages = ["de"]\n', "languages", "ru, kk, en"),
        ("[newsroom]\nlanguages = []\n", "languages", "at least 1"),
        ('[newsroom]\nlanguages = "ru"\n', "languages", "brackets"),
        ('[newsroom]\nowners = ["@me"]\n', "owners", "whole number"),
        ("[newsroom]\nowners = [1, 1]\n", "owners", "twice"),
        ('[newsroom]\nurl = "liter.kz"\n', "[newsroom] url", "https://"),
        ('[newsroom]\nurl = "https://[::1"\n', "[newsroom] url", "https://"),
        ("[delivery]\nmessages_per_second = 0\n", "messages_per_second", "from 1 to"),
        ("[delivery]\nmessages_per_second = true\n", "messages_per_second", "from 1 to"),
        ('[posts]\npicture = "big"\n', "picture", "preview-above"),
        ('[posts]\norder = ["headline", "body"]\n', "order", "tags"),
        ('[posts]\nutm = "a b"\n', "utm", "name=value"),
        ('[posts]\nvalid_for = "6 hours"\n', "valid_for", "'6h'"),
        ('[readers]\nquiet_hours = "23-7"\n', "quiet_hours", "off"),
        ('[readers]\nquiet_hours = "08:00-08:00"\n', "quiet_hours", "off"),
        ('[readers]\nbreaking = "yes"\n', "breaking", "true"),
        ('[readers]\nvolume = "few"\n', "volume", "digest"),
        ("[readers]\nvolume = 0\n", "volume", "from 1"),
        ('[readers]\ndigest_at = ["8:00"]\n', "digest_at", "'08:00'"),
        ("[desk]\ncountdown = -1\n", "countdown", "from 0"),
        ('[rates]\nurl = "ftp://x.kz/"\n', "[rates] url", "https://"),
        ('[rates]\nca_file = "none.pem"\n', "ca_file", "path"),
        ('[rates]\nshow = ["usd"]\n', "show", "'USD'"),
        ("[sections]\n", "sections", "[[sections]]"),
        ("sections = [1]\n", "[[sections]] 1", "below a line"),
        ('[[sections]]\nname = { ru = "x" }\n', "[[sections]] 1 id", "Add"),
        ('[[sections]]\nid = "Life style"\n', "[[sections]] 1 id", "a-z"),
        (SPORT + 'name = "Sport"\n', "[[sections]] 1 name", "ru ="),
        (SPORT + 'name = { RU = "Sport" }\n', "[[sections]] 1 name", "two-letter"),
        (SPORT + SPORT, "[[sections]] 2 id", "the same as in entry 1"),
        ("".join(f'[[sections]]\nid = "s{n}"\n' for n in range(63)), "[[sections]]", "62"),
        ('[[feeds]]\nlanguage = "ru"\n', "[[feeds]] 1 url", "Add"),
        ('[[feeds]]\nurl = "file:///etc/passwd"\n', "[[feeds]] 1 url", "https://"),
        ('[[feeds]]\nurl = "https://a b/"\n', "[[feeds]] 1 url", "https://"),
        (FEED + "interval = 0\n", "[[feeds]] 1 interval", "from 1"),
        (FEED + 'interval = "1m"\n', "[[feeds]] 1 interval", "from 1"),
        (FEED + 'section = "spotr"\n' + SPORT, "[[feeds]] 1 section", "'sport'"),
        (FEED + 'encoding = "cp1251x"\n', "[[feeds]] 1 encoding", "windows-1251"),
        (FEED + 'timezone = "GMT+6"\n', "[[feeds]] 1 timezone", "zone of a city"),
        (FEED + FEED.replace("https://example", "http://EXAMPLE"), "[[feeds]] 2 url", "entry 1"),
        ('[[channels]]\nchat = "liter"\n', "[[channels]] 1 chat", "@name"),
        ('[[channels]]\nchat = -100\nsections = ["x"]\n', "[[channels]] 1 sections", "Known here"),
        (
            '[[silence]]\nfrom = "soon"\nuntil = 2026-01-01T00:00:00\nsections = ["sport"]\n',
            "[[silence]] 1 from",
            "unquoted",
        ),
        (
            '[[silence]]\nfrom = 2026-01-02T00:00:00\nuntil = 2026-01-01T00:00:00\nsections = ["sport"]\n',
            "[[silence]] 1 until",
            "Swap",
        ),
        ("[newsroom\n", "line 1", "not TOML"),
        ("[newsroom]\n\nname = Liter\n", "line 3", "not TOML"),
    ],
)
def test_mistakes_in_the_file(tmp_path: Path, text: str, place: str, hint: str) -> None:
    line = refused(tmp_path, text)
    assert line.startswith("newsdesk.toml, ")
    assert place in line
    assert hint in line


@pytest.mark.parametrize(
    ("environ", "hint"),
    [
        ({"BOT_TOKEN": "hunter2"}, "@BotFather"),
        ({"BOT_TOKEN_FILE": "missing"}, "cannot be read"),
        ({"BOT_API_URL": "api.telegram.org"}, "https://"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "postgresql://"),
        ({"DATABASE_URL": "sqlite://"}, "sqlite:///"),
        ({"DATABASE_URL": "sqlite:///no/such/folder.db"}, "no folder"),
        ({"DATABASE_URL": "postgresql://u:hunter2@h:port/d"}, "5432"),
        ({"DATABASE_URL": "postgresql://u:hunter2@h"}, "5432"),
        ({"DATABASE_URL": "postgresql://u:hunter2@h/d?sslmode=maybe"}, "verify-full"),
        ({"NEWSDESK_CONFIG": "other.toml"}, "no file other.toml"),
        ({"HTTP_LISTEN": "8088"}, "host:port"),
        ({"HTTP_LISTEN": "localhost:99999"}, "host:port"),
        ({"WEBHOOK_URL": "https://x.kz/hook"}, "WEBHOOK_SECRET"),
        ({"WEBHOOK_SECRET": "с", "WEBHOOK_URL": "https://x.kz/hook"}, "A-Z"),
        ({"WEBHOOK_URL": "https://x.kz/hook", "WEBHOOK_SECRET": "s", "HTTP_LISTEN": ""}, "HTTP_LISTEN"),
        ({"NEWSDESK_API_KEY": "k", "HTTP_LISTEN": ""}, "HTTP_LISTEN"),
        ({"TELEGRAM_PROXY": "socks5://u:hunter2@h:1"}, "http://"),
        ({"FETCH_ALLOW_PRIVATE": "yes"}, "0, 1"),
        ({"LOG_FORMAT": "xml"}, "console, json"),
        ({"LOG_LEVEL": "loud"}, "debug"),
    ],
)
def test_mistakes_in_the_environment(tmp_path: Path, environ: dict[str, str], hint: str) -> None:
    line = refused(tmp_path, "", **environ)
    assert next(iter(environ)) in line
    assert hint in line
    assert "hunter2" not in line


def test_a_wrong_feed_url(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FEED_URL"):
        load({"FEED_URL": "example.kz"}, tmp_path)


def test_the_environment_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("42:from-a-file\n")
    env = loaded(
        tmp_path,
        BOT_TOKEN_FILE="token",
        BOT_API_URL="http://127.0.0.1:8081/",
        DATABASE_URL="postgresql://u:p@h:5432/d?sslmode=require",
        HTTP_LISTEN="[::1]:0",
        WEBHOOK_URL="https://x.kz/hook",
        WEBHOOK_SECRET="s-1",
        FETCH_PROXY="http://proxy:3128",
        FETCH_ALLOW_PRIVATE="1",
        LOG_FORMAT="JSON",
        LOG_LEVEL="Warning",
    ).env
    assert (env.bot_token, env.bot_api_url) == ("42:from-a-file", "http://127.0.0.1:8081")
    assert (env.http_listen, env.webhook_secret) == (("::1", 0), "s-1")
    assert (env.fetch_allow_private, env.log_format, env.log_level) == (True, "json", "warning")
    assert loaded(tmp_path, HTTP_LISTEN="").env.http_listen is None
    assert loaded(tmp_path, BOT_TOKEN="", DATABASE_URL=" ").env == settings_env.Env()


def test_secrets_do_not_print(tmp_path: Path) -> None:
    env = loaded(tmp_path, BOT_TOKEN="42:hunter2", NEWSDESK_API_KEY="hunter2").env
    assert env.bot_token == "42:hunter2"
    assert "hunter2" not in repr(env)
    assert repr(Secret()) != repr(env.bot_token)


def test_postgresql_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_env, "find_spec", lambda name: None)
    assert "newsdesk[postgres]" in refused(tmp_path, "", DATABASE_URL="postgresql://u@h/d")


def test_dotenv_stands_beside_the_configuration(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "news.toml").write_text('[newsroom]\nname = "There"\n')
    (home / ".env").write_text(
        "# ours\n\nexport BOT_TOKEN='42:abc'  # quoted\nLOG_LEVEL=debug # noise\n"
        'FETCH_PROXY="http://p:1"\nLOG_FORMAT=\n'
    )
    found = load({"NEWSDESK_CONFIG": "home/news.toml", "LOG_LEVEL": "error"}, tmp_path)
    assert (found.newsroom.name, found.env.bot_token) == ("There", "42:abc")
    assert (found.env.log_level, found.env.fetch_proxy) == ("error", "http://p:1")
    (tmp_path / ".env").write_text("NEWSDESK_CONFIG=home/news.toml\n")
    assert load({}, tmp_path).newsroom.name == "There"


@pytest.mark.parametrize("line", ["BOT_TOKEN", "A='open", "1A=2"])
def test_a_broken_dotenv(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"LOG_LEVEL=info\n{line}\n")
    assert ".env, line 2" in refused(tmp_path)


def test_a_file_makes_feed_url_idle(tmp_path: Path) -> None:
    found = loaded(tmp_path, FEED, FEED_URL="https://other.kz/rss")
    assert [f.url for f in found.feeds] == ["https://example.kz/rss"]
    assert "FEED_URL" in found.warnings[0]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("name".encode("utf-16"), "UTF-16"),
        ('[newsroom]\nname = "Литер"\n'.encode("cp1251"), "line 2: is not UTF-8"),
    ],
)
def test_wrong_encodings(tmp_path: Path, body: bytes, hint: str) -> None:
    (tmp_path / "newsdesk.toml").write_bytes(body)
    with pytest.raises(ConfigError, match=hint):
        load({}, tmp_path)


def test_what_a_windows_editor_writes_is_fine(tmp_path: Path) -> None:
    (tmp_path / "newsdesk.toml").write_bytes('\ufeff[newsroom]\r\nname = "Литер"\r\n'.encode())
    (tmp_path / ".env").write_bytes("\ufeffLOG_LEVEL=debug\r\n".encode())
    found = load({}, tmp_path)
    assert (found.newsroom.name, found.env.log_level) == ("Литер", "debug")


def test_a_certificate_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    found = loaded(tmp_path, '[rates]\nca_file = "ca.pem"\n')
    assert found.rates.ca_file == str((tmp_path / "ca.pem").resolve())


_TOML_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@effort(max_examples=60, deadline=None)
@given(st.sampled_from(["name", "timezone", "url"]), _TOML_TEXT)
def test_no_text_gets_past_config_error(tmp_path_factory: pytest.TempPathFactory, key: str, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "newsdesk.toml").write_text(f"[newsroom]\n{key} = '''{text}'''\n", "utf-8")
    line = ""
    try:
        load({}, folder)
    except ConfigError as error:
        line = str(error)
    assert "\n" not in line


def test_a_new_readers_choices_are_what_the_file_says(tmp_path: Path) -> None:
    assert loaded(tmp_path).readers.choices == Choices()
    text = 'quiet_hours = "22:00-06:05"\nquiet = "hold"\nvolume = 12\nbreaking = false\ndigest_at = ["19:30", "07:00"]'
    chosen = loaded(tmp_path, f"[readers]\n{text}\n").readers.choices
    assert chosen == Choices(
        quiet=Quiet.HOLD, quiet_from=1320, quiet_to=365, volume=12, breaking=False, digest_at=(420, 1170)
    )
    off = loaded(tmp_path, '[readers]\nquiet_hours = "off"\nquiet = "hold"\nvolume = "digest"\n').readers.choices
    assert off == Choices(quiet=Quiet.OFF, volume=DIGESTS)
