// Every call to the API: the CSRF token, problem details, idempotency keys, and the sentence for each failure.

import { backOff, pause, readEvents } from "./events.js";
import { current, forget, fresh, renew } from "./session.js";
import { sayWhen } from "./words.js";

const READS = new Set(["GET", "HEAD"]);
const ENDED = new Set(["succeeded", "failed", "cancelled"]);

/** A failed call. `code` is the problem's, or `offline` when nothing answered; `fields` maps a field to its error. */
export class Failure extends Error {
  constructor(problem) {
    super(sentence(problem));
    this.status = problem.status ?? 0;
    this.code = problem.code ?? (problem.status ? "internal" : "offline");
    this.retryAfter = problem.retry_after ?? null;
    this.fields = Object.fromEntries((problem.errors ?? []).map((error) => [error.field.split(".").at(-1), error]));
  }

  /** Whether the same call may work a little later. */
  get passing() {
    return this.code === "offline" || this.status === 503 || this.status === 504 || this.status === 502;
  }
}

function sentence(problem) {
  if (!problem.status) return "No answer came. Check your connection and try again.";
  if (problem.status === 429) return `That was a lot at once. Try again ${sayWhen(problem.retry_after)}.`;
  if (problem.code === "overloaded") return problem.detail;
  if (problem.status >= 500) return "Something behind the studio is not answering. Nothing is lost; try again in a moment.";
  return problem.detail || problem.title || "That did not work.";
}

/**
 * The parsed answer of an order; sent again with the same `key` while the way there is broken, so that it is done once.
 * Raises Failure.
 */
export async function begin(path, order, key, signal) {
  for (let turn = 0; ; turn += 1) {
    try {
      return await call("POST", path, order, { key, signal });
    } catch (failure) {
      const again = failure instanceof Failure && (failure.passing || (turn > 0 && failure.status === 409)); // 409: the first one is still being answered
      if (!again || turn >= 3) throw failure;
      await pause(backOff(turn + 1), signal);
    }
  }
}

/** The parsed answer of a call with a JSON body, or a FormData (null for 204). Raises Failure. */
export async function call(method, path, body = null, { key = null, open = false, signal = null } = {}) {
  const answer = await ask(method, path, { body, key, open, signal });
  return answer.status === 204 ? null : answer.json();
}

/** Whether there is something to read at `path`. Raises Failure. */
export async function check(path) {
  await ask("HEAD", path, {});
}

/** One page of a list; `params` that are null or empty are left out. */
export function list(path, params = {}, signal = null) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== null && value !== "" && value !== undefined));
  return call("GET", query.size ? `${path}?${query}` : path, null, { signal });
}

async function ask(method, path, { body = null, key = null, open = false, signal = null, headers = {} }) {
  if (!open) await orOffline(fresh());
  const before = current();
  for (let turn = 0; ; turn += 1) {
    const answer = await orOffline(fetch(path, {
      method,
      signal,
      body: body === null || body instanceof FormData ? body : JSON.stringify(body),
      headers: {
        Accept: "application/json",
        ...(body === null || body instanceof FormData ? {} : { "Content-Type": "application/json" }),
        ...(current() && !READS.has(method) ? { "X-CSRF-Token": current().csrf_token } : {}),
        ...(key ? { "Idempotency-Key": key } : {}),
        ...headers,
      },
    }));
    if (answer.ok) return answer;
    const problem = await problemOf(answer);
    if (!open && turn === 0 && before && (answer.status === 401 || problem.code === "csrf")) {
      await orOffline(renew());
      if (current()?.user.id === before.user.id) continue; // never in somebody else's name
    } else if (!open && answer.status === 401) forget();
    throw new Failure(problem);
  }
}

async function orOffline(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure({});
  }
}

async function problemOf(answer) {
  const after = Number(answer.headers.get("Retry-After")) || null;
  try {
    return { retry_after: after, ...(await answer.json()), status: answer.status };
  } catch {
    return { status: answer.status, code: "internal", retry_after: after };
  }
}

/** A key that makes a POST safe to send twice. Works without a secure context too. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The progress of a task, entry by entry, until it ends: a stream that picks up where it broke off.
 * `onLost(lost)` tells when the line is gone or back. Raises Failure when the task cannot be read at all.
 */
export async function* watchTask(taskId, signal, onLost = () => {}) {
  let last = null;
  for (let turn = 0; ; turn += 1) {
    const line = lineOf(signal, () => onLost(true));
    try {
      const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
      const answer = await ask("GET", `/v1/tasks/${taskId}/events`, { signal: line.signal, headers });
      for await (const event of readEvents(answer.body)) {
        onLost(false);
        turn = 0;
        last = event.id ?? last;
        const entry = entryOf(event.data);
        if (!entry) continue;
        yield entry;
        if (ENDED.has(entry.status)) return line.end();
      }
    } catch (error) {
      if (signal.aborted || (error instanceof Failure && !error.passing && error.status !== 429)) throw error;
      onLost(true);
    }
    if (!line.isBack()) await pause(backOff(turn), line.signal).catch(() => signal.throwIfAborted());
    line.end();
    const task = await call("GET", `/v1/tasks/${taskId}`, null, { signal }).catch(() => null);
    if (task && ENDED.has(task.status)) {
      yield { ...task, detail: task.error_message ?? "" };
      return;
    }
  }
}

/**
 * A signal that ends with `signal`, and when the browser has a line again: what was open before may never hear that it is
 * dead. `onGone()` tells when the line goes, `end()` when nothing is open any more.
 */
function lineOf(signal, onGone) {
  const back = new AbortController();
  const ended = new AbortController();
  const whole = AbortSignal.any([signal, ended.signal]);
  addEventListener("online", () => back.abort(), { signal: whole });
  addEventListener("offline", onGone, { signal: whole });
  return { signal: AbortSignal.any([signal, back.signal]), isBack: () => back.signal.aborted, end: () => ended.abort() };
}

function entryOf(text) {
  try {
    const entry = JSON.parse(text);
    return entry && typeof entry.status === "string" ? entry : null;
  } catch {
    return null;
  }
}
