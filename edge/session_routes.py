"""The studio's own routes: the same sign-in as under `/v1/auth`, with tokens in cookies instead of bodies.

Rows have the limits of their twins there, and are counted together with them.
"""

from contracts import auth
from edge.route import Route

SESSION: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/session",
        handler="session",
        tag="session",
        summary="Who is signed in in this browser, and the CSRF token of the session",
    ),
    Route(
        method="POST",
        path="/session",
        contract=auth.LOGIN,
        handler="session",
        origin=True,
        access="public",
        body="json",
        cost=10,
        guard="login",
        without_limits="closed",
        tag="session",
        summary="Sign in by password; the tokens go into cookies",
    ),
    Route(
        method="POST",
        path="/session/register",
        contract=auth.REGISTER,
        handler="session",
        origin=True,
        access="public",
        status=201,
        body="json",
        location="/v1/me",
        cost=10,
        guard="register",
        tag="session",
        summary="Create an account and sign in; the tokens go into cookies",
    ),
    Route(
        method="POST",
        path="/session/refresh",
        contract=auth.REFRESH,
        handler="session",
        origin=True,
        access="public",
        cost=2,
        guard="refresh",
        tag="session",
        summary="Change the refresh cookie for new cookies",
    ),
    Route(
        method="DELETE",
        path="/session",
        contract=auth.LOGOUT,
        handler="session",
        origin=True,
        access="optional",
        status=204,
        tag="session",
        summary="End the session of the cookies and remove them",
    ),
)
