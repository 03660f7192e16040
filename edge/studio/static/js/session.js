// Who is signed in. Tokens live in localStorage; a refresh token is good once, so only one tab may use it at a time.

const KEY = "covergen.session";
const EARLY = 30_000;
const listeners = new Set();
let changing = null;

/** The session of this browser, or null: `{user, access_token, refresh_token, expires_at}`. */
export function current() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

/** Calls `listener(session)` whenever somebody signs in or out, in this tab or another. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Keeps the answer to register, login or refresh. */
export function keep(answer) {
  const before = current();
  const session = { ...answer, expires_at: Date.now() + answer.expires_in * 1000 };
  localStorage.setItem(KEY, JSON.stringify(session));
  if (before?.user.id !== session.user.id) tell();
}

/** Notes that the address `email` is proven, if it is that of who is signed in. */
export function prove(email) {
  const session = current();
  if (session?.user.email !== email) return;
  localStorage.setItem(KEY, JSON.stringify({ ...session, user: { ...session.user, email_verified: true } }));
}

/** Forgets the session. */
export function forget() {
  if (!current()) return;
  localStorage.removeItem(KEY);
  sessionStorage.clear();
  tell();
}

/** A good access token, or null when nobody is signed in. `stale` is one that was just refused. */
export async function accessToken(stale = null) {
  const session = current();
  if (!session) return null;
  if (session.access_token !== stale && session.expires_at - EARLY > Date.now()) return session.access_token;
  changing ??= alone(() => refresh(stale)).finally(() => { changing = null; });
  return changing;
}

/** Runs `work` in one tab at a time; without the Web Locks API, one at a time in this tab. */
function alone(work) {
  return navigator.locks ? navigator.locks.request("covergen.refresh", work) : work();
}

async function refresh(stale) {
  const session = current();
  if (!session) return null;
  if (session.access_token !== stale && session.expires_at - EARLY > Date.now()) return session.access_token;
  const answer = await fetch("/v1/auth/refresh", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: session.refresh_token }),
  });
  if (answer.ok) {
    const fresh = await answer.json();
    keep(fresh);
    return fresh.access_token;
  }
  if ([400, 401, 403, 422].includes(answer.status)) {
    forget();
    return null;
  }
  if (session.expires_at > Date.now() && session.access_token !== stale) return session.access_token;
  throw new TypeError("The session could not be renewed.");
}

function tell() {
  for (const listener of listeners) listener(current());
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const id = (text) => { try { return JSON.parse(text)?.user.id ?? null; } catch { return null; } };
  if (id(event.oldValue) !== id(event.newValue)) tell();
});
