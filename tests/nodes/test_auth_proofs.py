"""Proofs by mail of the auth node: the address, and a new password, on a real database and a real bus."""

import asyncio
import logging
import statistics
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
import pytest_asyncio

from contracts import auth, security
from contracts.errors import Invalid, Unauthenticated
from contracts.security import AskVerification, EmailVerified, ForgotPassword, ResetPassword, VerifyEmail
from contracts.wire import Context, Done
from tests.support.auth_house import ADA, House, an_auth_house

EMAIL = "ada@example.org"
NEW = "battery staple"


@pytest_asyncio.fixture
async def house(nats_url: str, postgres_database: str) -> AsyncIterator[House]:
    """A running node."""
    async with an_auth_house(nats_url, postgres_database) as house:
        yield house


async def forgot(house: House, email: str = EMAIL) -> security.Accepted:
    """Ask for a new password."""
    return await house.bus.request(security.FORGOT_PASSWORD, ForgotPassword(email=email), Context.new())


async def reset_token(house: House, count: int = 1) -> str:
    """The token of the mail, as soon as it was ordered."""
    await forgot(house)
    await house.chore("auth-resets")
    return (await house.mail("reset_password", count)).values["token"]


async def reset(house: House, token: str, password: str = NEW) -> Done:
    """Set a password."""
    return await house.bus.request(
        security.RESET_PASSWORD, ResetPassword(token=token, password=password), Context.new()
    )


async def verify(house: House, token: str) -> EmailVerified:
    """Prove the address."""
    return await house.bus.request(security.VERIFY_EMAIL, VerifyEmail(token=token), Context.new())


async def refused(work: Awaitable[Any]) -> None:
    """The token is not good."""
    with pytest.raises(Invalid) as caught:
        await work
    assert [error.field for error in caught.value.errors] == ["token"]


async def test_a_registration_asks_to_prove_the_address(house: House) -> None:
    """One mail with a link whose token is behind #; the account says that it is proven from then on."""
    session = await house.register()
    mail = await house.mail("verify_email")
    token = mail.values["token"]

    assert mail.to == EMAIL
    assert mail.values["link"] == f"http://127.0.0.1:8080/verify-email#token={token}"
    assert not session.user.email_verified
    assert (await verify(house, token)).email == EMAIL
    assert (await house.login()).user.email_verified
    await refused(verify(house, token))  # works once


async def test_a_token_of_one_purpose_is_none_of_the_other(house: House) -> None:
    """A mail that proves an address opens no account."""
    await house.register()
    token = (await house.mail("verify_email")).values["token"]
    await refused(reset(house, token))
    await refused(verify(house, await reset_token(house)))


async def test_the_mail_can_be_asked_for_again(house: House) -> None:
    """After a minute, and then the older token is not good any more; not at all when the address is proven."""
    session = await house.register()
    first = (await house.mail("verify_email")).values["token"]
    context = Context(request_id="r", user_id=session.user.id)
    ask = AskVerification()
    await house.bus.request(security.ASK_VERIFICATION, ask, context)
    house.later(minutes=1)
    await house.bus.request(security.ASK_VERIFICATION, ask, context)
    second = (await house.mail("verify_email", 2)).values["token"]
    await refused(verify(house, first))
    await verify(house, second)
    house.later(minutes=2)
    await house.bus.request(security.ASK_VERIFICATION, ask, context)
    await asyncio.sleep(0.2)
    assert len([mail for mail in house.mails if mail.kind == "verify_email"]) == 2


async def test_a_reset_ends_everything_that_went_before(house: House) -> None:
    """The new password works, the old one and all sessions do not, the owner is told, the address is proven."""
    session = await house.register()
    await reset(house, await reset_token(house))

    with pytest.raises(Unauthenticated):
        await house.login()
    with pytest.raises(Unauthenticated):
        await house.refresh(session.refresh_token)
    with pytest.raises(Unauthenticated):
        await house.verify(session.access_token)
    assert (await house.login(password=NEW)).user.email_verified
    notice = await house.mail("password_changed")
    assert (notice.to, set(notice.values)) == (EMAIL, {"at"})
    async with asyncio.timeout(5):
        while not house.ended:
            await asyncio.sleep(0.01)


async def test_a_token_works_once(house: House) -> None:
    """Of many at the same moment one wins."""
    await house.register()
    token = await reset_token(house)
    tries = [reset(house, token, f"password {number}") for number in range(6)]
    results = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(isinstance(result, Done) for result in results) == 1
    assert sum(isinstance(result, Invalid) for result in results) == 5
    await house.login(password=f"password {next(n for n, each in enumerate(results) if isinstance(each, Done))}")


async def test_tokens_expire(house: House) -> None:
    """A password's after 30 minutes, an address's after a day; the sweep deletes them."""
    await house.register()
    address = (await house.mail("verify_email")).values["token"]
    password = await reset_token(house)
    house.later(minutes=30)
    await refused(reset(house, password))
    house.later(hours=24)
    await refused(verify(house, address))
    await house.service.sweep()
    assert await house.pool.value("SELECT count(*) FROM one_time_tokens") == 0


async def test_a_newer_token_takes_the_place_of_the_older(house: House) -> None:
    """One is open for each purpose; within a minute there is no second mail."""
    await house.register()
    first = await reset_token(house)
    await forgot(house)
    await house.chore("auth-resets")
    house.later(minutes=1)
    second = await reset_token(house, 2)

    await refused(reset(house, first))
    await reset(house, second)
    assert len([mail for mail in house.mails if mail.kind == "reset_password"]) == 2


async def test_a_session_cannot_begin_with_the_old_password_meanwhile(house: House) -> None:
    """Sign-ins that race with the reset: whoever got in with the old password is out after it."""
    await house.register()
    token = await reset_token(house)
    racing = [house.login() for _ in range(6)]
    results = await asyncio.gather(reset(house, token), *racing, return_exceptions=True)

    assert isinstance(results[0], Done)
    for result in results[1:]:
        if isinstance(result, auth.Session):
            with pytest.raises(Unauthenticated):
                await house.refresh(result.refresh_token)
        else:
            assert isinstance(result, Unauthenticated)


async def test_nobody_learns_who_has_an_account(house: House) -> None:
    """The same answer, the same work before it: one statement, whichever address it is. Nobody else gets a mail."""
    await house.register()
    known: list[float] = []
    unknown: list[float] = []
    for number in range(40):
        for times, email in ((known, EMAIL), (unknown, f"nobody{number}@example.org")):
            await house.pool.run("DELETE FROM reset_requests")
            began = time.perf_counter()
            answer = await forgot(house, email)
            times.append(time.perf_counter() - began)
            assert answer == security.Accepted()
    assert await house.pool.value("SELECT count(*) FROM reset_requests") == 1
    await forgot(house)
    await house.chore("auth-resets")
    await house.mail("reset_password")

    assert {mail.to for mail in house.mails} == {EMAIL}
    one, other = statistics.median(known), statistics.median(unknown)
    assert abs(one - other) < 0.5 * max(one, other)


async def test_odd_addresses_are_accepted_too(house: House) -> None:
    """And nothing is made of them."""
    for email in ("\x00", "no address", "x" * 254, " ADA@example.ORG "):
        await forgot(house, email)
    await house.register()
    await house.chore("auth-resets")
    assert (await house.mail("reset_password")).to == EMAIL
    assert await house.pool.value("SELECT count(*) FROM reset_requests") == 0


async def test_a_deleted_account_has_no_open_token(house: House) -> None:
    """Its tokens go with it."""
    session = await house.register()
    token = await reset_token(house)
    context = Context(request_id="r", user_id=session.user.id)
    await house.bus.request(auth.DELETE_ACCOUNT, auth.DeleteAccount(password=ADA.password), context)

    await refused(reset(house, token))
    assert await house.pool.value("SELECT count(*) FROM one_time_tokens") == 0


async def test_no_token_is_kept_or_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Once its mail was ordered, a token is neither in the database nor in any log."""
    caplog.set_level(logging.DEBUG)
    await house.register()
    tokens = [(await house.mail("verify_email")).values["token"], await reset_token(house)]
    async with asyncio.timeout(5):
        while await house.pool.value("SELECT count(*) FROM outbox"):
            await asyncio.sleep(0.01)
    tables = ("users_auth", "one_time_tokens", "audit_log", "outbox", "reset_requests")
    kept = [str(await house.pool.all(f"SELECT row_to_json(t)::text AS row FROM {table} t")) for table in tables]  # noqa: S608 -- the names above

    assert "verify_email" in kept[1]
    for token in tokens:
        assert token not in " ".join(kept)
        assert token not in caplog.text
