// Starts the studio: the places by their hash, the masthead, the banner when the line is gone.

import { Failure } from "./api.js";
import { h, show, toast } from "./dom.js";
import { current, onChange, renew } from "./session.js";
import { takeRefusal } from "./words.js";
import { account } from "./parts/account.js";
import { inbox } from "./parts/inbox.js";
import { dropQuota, meter, readQuota } from "./parts/quota.js";
import { failed } from "./parts/states.js";
import { bench } from "./views/bench.js";
import { brand } from "./views/brand.js";
import { verifying } from "./views/check.js";
import { cover } from "./views/cover.js";
import { covers } from "./views/covers.js";
import { door } from "./views/door.js";
import { edit } from "./views/edit.js";
import { edits } from "./views/edits.js";
import { making } from "./views/making.js";
import { settings } from "./views/settings.js";
import { forgotten, proof, renewal, takeToken } from "./views/proof.js";

const ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})";
const PLACES = [
  [/^#?\/?$/, bench, "studio"],
  [/^#\/covers$/, covers, "covers"],
  [/^#\/edits$/, edits, "edits"],
  [/^#\/brand$/, brand, "brand"],
  [/^#\/account$/, settings, "account"],
  [new RegExp(`^#/covers/${ID}$`, "i"), cover, "covers"],
  [new RegExp(`^#/edits/${ID}$`, "i"), edit, "edits"],
  [new RegExp(`^#/making/${ID}$`, "i"), making, "studio"],
];
const SLIPS = new Map([["/verify-email", proof], ["/reset-password", renewal], ["/forgot-password", forgotten], ["/check", verifying]]);
const LOGIN = "/login";
const main = document.getElementById("main");
const desk = document.getElementById("desk");
const places = document.getElementById("places");
const name = document.title;
let leaving = new AbortController();
let letters = null;
let wanted = null;
let path = null;

/** Shows the place that the address names; who is not signed in is shown the door and led back afterwards. */
function go(first = false) {
  const slip = atSlip(first);
  path = location.pathname;
  if (slip) return;
  if (path === LOGIN) return atLogin(first);
  const hash = location.hash;
  if (!current()) return atDoor(hash, first);
  if (hash.startsWith("#/sign-")) return location.replace(wanted ?? "#/");
  wanted = null;
  const [found, view, place] = PLACES.find(([pattern]) => pattern.test(hash)) ?? [/(?:)/, lost, ""];
  for (const link of places.children) {
    if (link.dataset.place === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  enter(view, { id: found.exec(hash)?.[1] }, first);
}

/** Shows what the link of a mail leads to, or checks a file, signed in or not. Every other place is a hash at the root. */
function atSlip(first) {
  const view = SLIPS.get(location.pathname);
  if (view && location.hash.startsWith("#/")) history.replaceState(null, "", `/${location.hash}`);
  else if (view) enter(view, { token: takeToken() }, first);
  return SLIPS.has(location.pathname);
}

function atDoor(hash, first) {
  if (!hash.startsWith("#/sign-")) {
    wanted = hash && hash !== "#/" ? hash : null;
    return location.replace("#/sign-in");
  }
  enter(door, { mode: hash.slice(2) }, first);
}

/** The door for who was sent here; who is signed in goes on to where that was asked for. */
function atLogin(first) {
  if (current()) return location.replace(onward());
  enter(door, { mode: location.hash.slice(2) }, first);
}

/** The `next` of the address when it is a page of our own authorization server, else the studio. */
function onward() {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  const url = next.startsWith("/oauth/") && new URL(next, location.origin);
  return url && url.pathname.startsWith("/oauth/") ? url.pathname + url.search : "/";
}

function enter(view, options, first) {
  leaving.abort(new DOMException("The view was left.", "AbortError"));
  leaving = new AbortController();
  const change = () => {
    const shown = view({ ...options, signal: leaving.signal });
    show(main, shown.element);
    document.title = `${shown.title} · ${name}`;
    scrollTo(0, 0);
    if (!first) shown.heading?.focus({ preventScroll: true });
  };
  if (first || !document.startViewTransition || matchMedia("(prefers-reduced-motion: reduce)").matches) change();
  else {
    const turn = document.startViewTransition(change);
    for (const end of [turn.ready, turn.finished]) end.catch(() => {}); // the next one may come before this one has ended
  }
}

function lost() {
  const element = h("div", { class: "hall" }, failed({ status: 404, message: "There is nothing at this address." }));
  return { element, title: "Not found", heading: null };
}

function furnish() {
  letters?.stop();
  letters = null;
  dropQuota();
  const session = current();
  places.hidden = desk.hidden = !session;
  show(desk);
  if (!session) return;
  letters = inbox();
  show(desk, meter(), letters.parts, account());
  readQuota();
}

function tellLine() {
  const banner = document.getElementById("banner");
  banner.textContent = "You are offline. Nothing is lost: what you typed stays here, and what is being made goes on.";
  banner.hidden = navigator.onLine;
}

/** Nothing is shown before it is known who is signed in. */
async function begin() {
  try {
    await renew();
  } catch {
    show(main, h("div", { class: "hall" }, failed(new Failure({}), begin)));
    return;
  }
  furnish();
  const refusal = current() && takeRefusal(); // of one more way to sign in
  if (refusal) toast(refusal);
  go(true);
  onChange(() => { furnish(); if (!SLIPS.has(location.pathname)) go(); });
  addEventListener("hashchange", () => { go(); letters?.read(); });
  addEventListener("popstate", () => location.pathname !== path && go());
}

addEventListener("online", () => { tellLine(); letters?.read(); });
addEventListener("offline", tellLine);
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
tellLine();
begin();
