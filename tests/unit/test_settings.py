"""Settings: where values come from, and what is said about the ones that cannot be used."""

from pathlib import Path

import pytest

from ops.settings import Settings, SettingsInvalid, read_settings
from ops.settings_table import SETTINGS, render_env_example, render_settings_table, variable

ROOT = Path(__file__).parents[2]


def settings(tmp_path: Path, dotenv: str = "", **environ: str) -> Settings:
    """Settings of an environment and the text of a `.env`."""
    file = tmp_path / ".env"
    file.write_text(dotenv)
    return read_settings({f"COVERGEN_{name.upper()}": text for name, text in environ.items()}, file)


def test_defaults_need_no_file(tmp_path: Path) -> None:
    """Without any variable or file every setting has its documented default."""
    got = read_settings({}, tmp_path / "missing")

    assert (got.http_host, got.http_port, got.http_workers) == ("127.0.0.1", 8080, 1)
    assert got.home == Path.cwd() / "var"
    assert got.objects_url == f"file://{Path.cwd()}/var/objects"
    assert got.nats_url is None
    assert got.paint_processes >= 1


def test_environment_wins_over_dotenv(tmp_path: Path) -> None:
    """A variable of the real environment is taken, the others come from `.env`."""
    got = settings(tmp_path, "COVERGEN_HTTP_PORT=1\nCOVERGEN_REGION=eu-west\n", http_port="2")

    assert (got.http_port, got.region) == (2, "eu-west")


def test_empty_variable_means_the_default_even_over_dotenv(tmp_path: Path) -> None:
    """An empty variable takes the default and hides what `.env` says."""
    assert settings(tmp_path, "COVERGEN_NATS_URL=nats://elsewhere:4222\n", nats_url="").nats_url is None


@pytest.mark.parametrize(
    ("line", "password"),
    [
        ("COVERGEN_ADMIN_PASSWORD=plain", "plain"),
        ("export COVERGEN_ADMIN_PASSWORD='with # and space'", "with # and space"),
        ('COVERGEN_ADMIN_PASSWORD="quoted"', "quoted"),
        ("COVERGEN_ADMIN_PASSWORD=a=b # a comment", "a=b"),
        ("# COVERGEN_ADMIN_PASSWORD=no", None),
        ("  COVERGEN_ADMIN_PASSWORD = spaced  ", "spaced"),
    ],
)
def test_dotenv_lines(tmp_path: Path, line: str, password: str | None) -> None:
    """Comments, quotes, `export` and spaces of a `.env` line are understood."""
    assert settings(tmp_path, f"OTHER_TOOL=x\n\n{line}\n").admin_password == password


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("http_port", "eighty"),
        ("http_port", "70000"),
        ("http_port", "-1"),
        ("http_workers", "0"),
        ("paint_processes", "0"),
        ("image_seconds", "0"),
        ("breaker_failures", "0"),
        ("breaker_seconds", "0.5"),
        ("retry_seconds", "1,2"),
        ("retry_seconds", "1,2,nan"),
        ("retry_seconds", "0,2,4"),
        ("max_wait", "0"),
        ("environment", "staging"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("images", "nobody"),
        ("admin_email", "not an address"),
        ("nats_url", "http://localhost"),
        ("postgres_url", "localhost:5432"),
        ("mongo_url", "mongo://localhost"),
        ("redis_url", "redis:localhost"),
        ("objects_url", "ftp://host/folder"),
        ("mail_url", "smtp://user@host"),
        ("mail_url", "http://host"),
        ("mail_from", "nobody"),
        ("public_url", "covers.example.org"),
        ("images", "dalle"),
        ("images", "free=painter;free=painter"),
        ("openai_url", "http://api.openai.com/v1"),
        ("openai_prices", "5,8"),
        ("stability_model", "sdxl"),
        ("a1111_url", "http://10.0.0.7:7860"),
        ("replicate_price", "free"),
    ],
)
def test_unusable_value_is_one_line_that_names_the_variable(tmp_path: Path, name: str, text: str) -> None:
    """A value that cannot be used is refused with its variable's name first, on one line."""
    with pytest.raises(SettingsInvalid) as caught:
        settings(tmp_path, **{name: text})

    assert str(caught.value).startswith(variable(name) + " must ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "needed"),
    [
        ("openai", "openai_key"),
        ("stability", "stability_key"),
        ("automatic1111", "a1111_url"),
        ("replicate", "replicate_token"),
    ],
)
def test_an_image_model_without_its_key_is_refused_at_the_start(tmp_path: Path, model: str, needed: str) -> None:
    """Wherever it is named; with its key it is fine, and the key is never shown."""
    secret = "https://me:hunter2@127.0.0.1" if needed == "a1111_url" else "hunter2"
    with pytest.raises(SettingsInvalid) as caught:
        settings(tmp_path, images=f"painter;cn/pro={model}")
    good = settings(tmp_path, images=f"painter;cn/pro={model}", **{needed: secret})

    assert str(caught.value) == f"{variable(needed)} must be set, because COVERGEN_IMAGES names {model}"
    assert getattr(good, needed) == secret
    assert "hunter2" not in repr(good)


def test_error_about_a_url_does_not_repeat_its_password(tmp_path: Path) -> None:
    """The password inside a refused URL is not shown."""
    with pytest.raises(SettingsInvalid) as caught:
        settings(tmp_path, postgres_url="mysql://me:hunter2@host/db")

    assert "hunter2" not in str(caught.value)


def test_misspelt_name_in_dotenv_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """A COVERGEN_ name in `.env` that is no setting is an error with a suggestion."""
    with pytest.raises(SettingsInvalid, match=r"COVERGEN_HTP_PORT in .* is not a setting; did you mean COVERGEN_HTTP"):
        settings(tmp_path, "COVERGEN_HTP_PORT=80\n")


def test_dotenv_line_without_equals_is_refused(tmp_path: Path) -> None:
    """A line that is not NAME=VALUE is named by its number."""
    with pytest.raises(SettingsInvalid, match="line 2 is not NAME=VALUE"):
        settings(tmp_path, "A=b\nnonsense\n")


def test_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    """What `environ` gives is read back as the same settings, whatever `.env` says there."""
    before = settings(tmp_path, home=str(tmp_path / "a home"), mongo_url="mongodb://db:1", http_port="0")
    (tmp_path / "other").write_text("COVERGEN_ADMIN_PASSWORD=other\n")

    assert read_settings(before.environ(), tmp_path / "other") == before


def test_repr_hides_secrets(tmp_path: Path) -> None:
    """The administrator's password and those inside URLs are masked when settings are printed."""
    shown = repr(settings(tmp_path, admin_password="s3cret", postgres_url="postgresql://me:hunter2@db:5/x"))

    assert "s3cret" not in shown
    assert "hunter2" not in shown
    assert "postgresql://***@db:5/x" in shown


def test_table_of_settings_matches_the_fields() -> None:
    """Every field is one row and every row one field."""
    assert sorted(row.name for row in SETTINGS) == sorted(Settings.__struct_fields__)
    assert render_settings_table().count("| `COVERGEN_") == len(SETTINGS)


def test_env_example_is_fresh() -> None:
    """`.env.example` is what the table of settings renders."""
    assert (ROOT / ".env.example").read_text() == render_env_example()


@pytest.mark.parametrize("name", ["google_client", "github_client", "oidc"])
@pytest.mark.parametrize("text", ["op=sesame", "op=i:sesame @http://op.example.org", "sesame ", ":sesame"])
def test_clients_at_providers_that_cannot_be(tmp_path: Path, name: str, text: str) -> None:
    """Refused at the start with the variable's name, and without what may be a secret."""
    with pytest.raises(SettingsInvalid, match=f"^COVERGEN_{name.upper()} must") as caught:
        settings(tmp_path, **{name: text})
    assert "sesame" not in str(caught.value)


def test_secrets_of_clients_are_not_shown(tmp_path: Path) -> None:
    """Neither of the settings nor of what is read from them."""
    given = {"google_client": "id:sesame", "github_client": "id:sesame", "oidc": "op=id:sesame@https://op.example.org"}
    got = settings(tmp_path, **given)

    assert "sesame" not in repr(got)
    assert got.environ()["COVERGEN_OIDC"] == given["oidc"]
