// Parts of a page are drawn by the server only. To show what is new, the page is fetched again and its parts take the
// place of those that are there: one way of drawing, with scripts and without.

const byId = (id) => document.getElementById(id);

/** Says something to those who listen to the page. */
function announce(text) {
  const place = byId("announce");
  if (place) place.textContent = text;
}

/** Ticked boxes and the focus, which a new part must not lose. */
function remembered(part) {
  const ticked = [...part.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.id);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  return (fresh) => {
    for (const id of ticked) {
      const box = fresh.querySelector(`#${CSS.escape(id)}`);
      if (box) box.checked = true;
    }
    if (focused) byId(focused)?.focus({ preventScroll: true });
  };
}

/** Puts the parts with these ids from a page in the place of ours. Returns whether all of them came. */
async function swap(ids, url = location.href, request = {}) {
  const reply = await fetch(url, { ...request, headers: { accept: "text/html", ...request.headers } });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const parts = ids.map((id) => [byId(id), page.getElementById(id)]);
  for (const [old, fresh] of parts) {
    if (!old || !fresh || old.isEqualNode(fresh)) continue;
    const restore = remembered(old);
    old.replaceWith(document.adoptNode(fresh));
    restore(fresh);
  }
  return parts.every(([old, fresh]) => old && fresh);
}

/** Calls `action` soon, however often it is asked for meanwhile; one call at a time. */
function soon(action, milliseconds) {
  let [timer, running, again] = [0, false, false];
  const run = async () => {
    timer = 0;
    running = true;
    try { await action(); } catch { /* The server cannot be reached; the next event or a reload shows more. */ }
    running = false;
    if (again) { again = false; ask(); }
  };
  const ask = () => {
    if (running) again = true;
    else timer ||= setTimeout(run, milliseconds);
  };
  return ask;
}
