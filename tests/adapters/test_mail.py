"""Mail into a folder and to a real SMTP conversation."""

import stat
from pathlib import Path

import pytest

from adapters.mail import FolderMailer, Mail, SmtpMailer, mail_sender, mail_server, open_mailer
from contracts.errors import Invalid, ServiceError, Unavailable
from tests.support.mailbox import a_mail_server, mails_in, read_mail, text_of

SENDER = "Covergen <covers@example.org>"
MAIL = Mail(to="ada@example.org", subject="Grüße", text="Hello ☀\n", html="<p>Hello ☀</p>", message_id="abc123")


async def test_the_folder_keeps_each_mail_once(tmp_path: Path) -> None:
    """A mail is one file for the owner's eyes, also when it is sent again, and reads as it was written."""
    folder = tmp_path / "mail"
    mailer = FolderMailer(folder, SENDER)
    await mailer.send(MAIL)
    await mailer.send(MAIL)

    assert [path.name for path in folder.iterdir()] == ["abc123.eml"]
    assert stat.S_IMODE((folder / "abc123.eml").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (mail,) = mails_in(folder, "ada@example.org")
    assert (mail["From"], mail["Subject"], mail["Message-ID"]) == (SENDER, "Grüße", "<abc123@example.org>")
    assert text_of(mail) == "Hello ☀\n"
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<p>Hello ☀</p>"


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """So that the mail is tried again."""
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(Unavailable):
        await FolderMailer(tmp_path / "mail", SENDER).send(MAIL)


@pytest.mark.parametrize("to", ["a,b@example.org", "x@y.z>\r\nBcc: all@example.org", "<x@y.z>", "ä@example.org"])
async def test_an_address_that_is_not_one_is_refused(tmp_path: Path, to: str) -> None:
    """No second address and no header can hide in an address."""
    mail = Mail(to=to, subject="s", text="t", html="h", message_id="a")
    with pytest.raises(Invalid):
        await FolderMailer(tmp_path / "mail", SENDER).send(mail)
    assert not (tmp_path / "mail").exists()


async def test_a_server_on_this_machine_gets_it_with_a_password() -> None:
    """Signed in as the URL says, from the sender, to the address; TLS is not asked of a loopback."""
    async with a_mail_server() as server:
        mailer = open_mailer(f"smtp://me:p%40ss@127.0.0.1:{server.port}", SENDER, Path("unused"))
        await mailer.send(MAIL)

    assert "mail FROM:<covers@example.org>" in [line.split(" size")[0] for line in server.said]
    assert "rcpt TO:<ada@example.org>" in server.said
    assert any(line.startswith("AUTH PLAIN") for line in server.said)
    assert read_mail(server.mails[0])["Subject"] == "Grüße"


async def test_nothing_is_said_without_tls_where_it_is_needed() -> None:
    """A server that knows no STARTTLS gets neither password nor mail."""
    async with a_mail_server() as server:
        plain = mail_server(f"smtp://me:secret@127.0.0.1:{server.port}")
        with pytest.raises(Unavailable):
            await SmtpMailer(plain, SENDER, tls=True).send(MAIL)

    assert server.said != []
    assert [line.split()[0].upper() for line in server.said if not line.upper().startswith("EHLO")] in ([], ["QUIT"])


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"RCPT": "550 nobody of that name"}, Invalid),
        ({"RCPT": "451 come back later"}, Unavailable),
        ({"MAIL": "421 too busy"}, Unavailable),
        ({"AUTH": "535 who are you"}, Unavailable),
        ({"END": "554 spam"}, Invalid),
        ({"QUIT": "554 odd", "RCPT": "550 nobody of that name"}, Invalid),
        ({"DATA": "554 no"}, Invalid),
    ],
)
async def test_what_the_server_refuses(answers: dict[str, str], error: type[ServiceError]) -> None:
    """For good: this mail or address is invalid. For now, or for everybody: unavailable. Its words are not repeated."""
    async with a_mail_server(**answers) as server:
        mailer = open_mailer(f"smtp://me:secret@127.0.0.1:{server.port}", SENDER, Path("unused"))
        with pytest.raises(error) as caught:
            await mailer.send(MAIL)
    assert type(caught.value) is error
    assert not {"secret", "nobody", "spam"} & set(str(caught.value).split())


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    """A refused connection is tried again later."""
    async with a_mail_server() as server:
        pass
    with pytest.raises(Unavailable):
        await open_mailer(f"smtp://127.0.0.1:{server.port}", SENDER, Path("unused")).send(MAIL)


@pytest.mark.parametrize(
    ("url", "host", "port", "implicit", "tls"),
    [
        ("smtp://mail.example.org", "mail.example.org", 587, False, True),
        ("smtps://u:p@mail.example.org", "mail.example.org", 465, True, True),
        ("smtp://localhost:25", "localhost", 25, False, False),
        ("smtp://[::1]:25", "::1", 25, False, False),
        ("smtp://10.0.0.1", "10.0.0.1", 587, False, True),
    ],
)
def test_what_a_url_says(url: str, host: str, port: int, implicit: bool, tls: bool) -> None:
    """Ports have defaults; everything that is not this machine needs TLS."""
    server = mail_server(url)
    assert (server.host, server.port, server.implicit_tls, server.needs_tls) == (host, port, implicit, tls)


@pytest.mark.parametrize("url", ["http://x", "smtp://:25", "smtp://h:99999", "smtp://u@h", "smtp://h/path", "mail"])
def test_a_url_that_is_none(url: str) -> None:
    """Refused by a sentence that does not repeat it."""
    with pytest.raises(ValueError, match="must") as caught:
        mail_server(url)
    assert url not in str(caught.value)


@pytest.mark.parametrize("text", ["nobody", "A <b>", "a@b.c\r\nBcc: x@y.z", "<>", ""])
def test_a_sender_that_is_none(text: str) -> None:
    """Refused when it is set, not when the first mail is sent."""
    with pytest.raises(ValueError, match="must be an address"):
        mail_sender(text)
