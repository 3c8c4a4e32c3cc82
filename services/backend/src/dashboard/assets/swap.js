// Parts of a page are drawn by the server only. To show what is new, the page is fetched again and its parts become
// what came: one way of drawing, with scripts and without. What is in both stays the same element, so that the focus,
// what is scrolled or unfolded, and what a screen reader listens to are not lost.

const FOCUSABLE = "a[href], button:enabled, input:enabled:not([type=hidden]), select, textarea, [tabindex]";

const byId = (id) => document.getElementById(id);

/** Says something to those who listen to the page. */
function announce(text) {
  const place = byId("announce");
  if (place) place.textContent = text;
}

/** The first from this node on that stands for the same thing as another page's node. */
function counterpart(node, wanted) {
  const isIt = (one) => one.nodeName === wanted.nodeName && (one.id ?? "") === (wanted.id ?? "");
  while (node && !isIt(node)) node = node.nextSibling;
  return node;
}

/** Whether an event moved a bar on while the page was being drawn that it is in. */
function isBehind(fresh, old) {
  const place = (node) => node.querySelector("progress").value;
  return Boolean(old.dataset?.progress && fresh.dataset.progress) && place(fresh) < place(old);
}

/** Makes a node what another is, with as few changes as it takes. What a script drew is the script's. */
function become(old, fresh) {
  if (old.isEqualNode(fresh) || old.dataset?.started || isBehind(fresh, old)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) { old.data = fresh.data; return; }
  for (const { name } of [...old.attributes]) {
    // Unfolded by somebody, which the server does not know.
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  let next = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const same = counterpart(next, child);
    if (!same) { old.insertBefore(document.adoptNode(child), next); continue; }
    while (next !== same) next = without(next);
    next = same.nextSibling;
    become(same, child);
  }
  while (next) next = without(next);
}

/** Removes a node and returns the one after it. */
function without(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** Returns what puts the focus near the place where it was, should its element go: never on to another action. */
function nearby(part) {
  const focused = document.activeElement;
  if (!part.contains(focused)) return () => {};
  const around = [];
  for (let one = focused; one !== part; one = one.parentElement) if (one.id) around.push(one.id);
  return () => {
    if (part.contains(document.activeElement)) return;
    const place = around.map(byId).find((one) => one !== null) ?? part;
    const near = place.querySelector(FOCUSABLE) ?? byId("main");
    near.focus({ preventScroll: true });
  };
}

/** Whoever asked is not known any more. */
class SignedOut extends Error {}

/** Nobody answered. */
class Away extends Error {}

/** The service answered with something else than the page. */
class Refused extends Error {
  constructor(status) {
    super(`the service answers with ${status}`);
    this.status = status;
  }
}

/** Asks for a page. */
async function askFor(url, request) {
  try {
    return await fetch(url, { ...request, headers: { accept: "text/html", ...request.headers } });
  } catch (error) {
    throw new Away("nobody answers", { cause: error });
  }
}

/** Makes the parts with these ids what they are on a page. */
async function swap(ids, url = location.href, request = {}) {
  const reply = await askFor(url, request);
  if (reply.status === 401 || new URL(reply.url).pathname === "/login") throw new SignedOut();
  if (!reply.ok) throw new Refused(reply.status);
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  for (const id of ids) {
    const [old, fresh] = [byId(id), page.getElementById(id)];
    if (!old || !fresh) continue;
    const focus = nearby(old);
    become(old, fresh);
    focus();
  }
}

/** Says that the page shows nothing new, and what can be done about it; without a text, that it does again. */
function say(text = "", action = "", address = "") {
  const place = byId("not-live");
  if (!place || (place.dataset.text ?? "") === text) return;
  place.dataset.text = text;
  place.hidden = !text;
  place.replaceChildren(text);
  announce(text || "This page shows what is new again.");
  if (!text) return;
  const link = document.createElement("a");
  link.href = address;
  link.textContent = action;
  // What was filled in stays where it is.
  if (document.querySelector("form[data-check]")) link.target = "_blank";
  place.append(" ", link);
}

/** Says why a part of the page could not be fetched. */
function sayWhy(error) {
  if (error instanceof SignedOut) {
    const back = new URLSearchParams({ next: location.pathname + location.search });
    say("You are signed out, so this page shows nothing new.", "Sign in", `/login?${back}`);
  } else {
    say(`${reason(error)}, so this page shows nothing new until that ends.`, "Load the page anew", location.href);
  }
}

/** What keeps the page from being fetched. */
function reason(error) {
  if (error instanceof Away) return navigator.onLine ? "The service cannot be reached" : "This device is offline";
  // A fault of ours, which must be found.
  if (!(error instanceof Refused)) { console.error(error); return "This page has a fault"; }
  switch (error.status) {
    case 403: return "Your role does not allow this any more (403)";
    case 404: return "This is not there any more (404)";
    case 413: return "What was filled in is too long (413)";
    case 429: return "The service is asked too often from here (429)";
    case 503: return "The service takes no requests right now (503)";
    default: return error.status < 500 ? `The service refuses this (${error.status})` : `The service has a fault (${error.status})`;
  }
}

/** Calls `action` soon, however often it is asked for meanwhile; one call at a time. */
function soon(action, milliseconds) {
  let [timer, running, again] = [0, false, false];
  const run = async () => {
    timer = 0;
    running = true;
    try {
      await action();
    } finally {
      running = false;
      if (again) { again = false; ask(); }
    }
  };
  const ask = () => {
    if (running) again = true;
    else timer ||= setTimeout(run, milliseconds);
  };
  return ask;
}
