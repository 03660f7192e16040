// Who is signed in. The tokens are in cookies that no script can read; here is only who it is and the CSRF token.

const EARLY = 30_000;
const OWNER = "covergen.owner";
const listeners = new Set();
const others = new BroadcastChannel("covergen.session");
let session = null;
let looking = null;
let cut = false;

localStorage.removeItem("covergen.session"); // tokens that earlier releases kept there

/** Who is signed in as far as this tab knows, or null: `{user, csrf_token, expires_at}`. */
export const current = () => session;

/** Calls `listener()` whenever somebody signs in or out, in this tab or another. */
export function onChange(listener) {
  listeners.add(listener);
}

/** Whether the last session ended by itself: then what was typed is still in this tab, for its owner alone. */
export const wasCut = () => cut && session === null;

/** Keeps the answer to signing in or up, or to looking who is signed in. */
export function keep({ user, csrf_token, expires_in }) {
  const before = session;
  if (sessionStorage.getItem(OWNER) !== user.id) sessionStorage.clear();
  sessionStorage.setItem(OWNER, user.id);
  session = { user, csrf_token, expires_at: Date.now() + expires_in * 1000 };
  if (before?.user.id !== user.id) tell();
}

/** Notes that the address `email` is proven, if it is that of who is signed in. */
export function prove(email) {
  if (session?.user.email === email) session.user.email_verified = true;
}

/** Forgets the session in this tab, and when it was `left` what was typed too; the cookies end by signing out. */
export function forget(left = false) {
  if (!session) return;
  session = null;
  cut = !left;
  if (left) sessionStorage.clear();
  tell(left);
}

/** Renews the session when its access cookie is about to end. Raises TypeError when nothing answers. */
export async function fresh() {
  if (session && session.expires_at - EARLY < Date.now()) await renew();
}

/**
 * Asks who is signed in, with a fresh access cookie where the old one ended; resolves to whether somebody is. A refresh
 * token is good once, so only one tab may use it at a time. Raises TypeError when nothing answers.
 */
export function renew() {
  looking ??= alone(look).finally(() => { looking = null; });
  return looking;
}

/** Runs `work` in one tab at a time; without the Web Locks API, one at a time in this tab. */
function alone(work) {
  return navigator.locks ? navigator.locks.request("covergen.refresh", work) : work();
}

async function look() {
  const seen = await fetch("/session");
  const visit = await seen.json().catch(() => ({}));
  if (!seen.ok && seen.status !== 401) throw new TypeError("It is not known who is signed in.");
  if (seen.ok && visit.expires_in * 1000 > EARLY) return signedIn(visit);
  if (!seen.ok && visit.code !== "session_expired") return signedOut();
  const answer = await fetch("/session/refresh", { method: "POST" });
  if (answer.ok) return signedIn(await answer.json());
  if ([400, 401, 403, 422].includes(answer.status)) return signedOut();
  if (seen.ok) return signedIn(visit);
  throw new TypeError("The session could not be renewed.");
}

function signedIn(visit) {
  keep(visit);
  return true;
}

function signedOut() {
  forget();
  return false;
}

function tell(left = false) {
  others.postMessage({ id: session?.user.id ?? null, left });
  for (const listener of listeners) listener();
}

others.addEventListener("message", ({ data: { id, left } }) => {
  if (left) forget(true);
  else if (id !== (session?.user.id ?? null)) renew().catch(() => {});
});
addEventListener("pageshow", ({ persisted }) => persisted && renew().catch(() => {}));
