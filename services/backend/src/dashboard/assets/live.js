// Progress of jobs as it happens, over a WebSocket. Unlike an event stream it takes none of the six connections that a
// browser opens to a host, so that any number of pages may be open, and it says why it ends.

const STEPS = 4;
const ENDED = 1000;
/** Closes after which the same question gets the same answer. */
const FINAL = [1008, 4400, 4403, 4404];
const LONGEST_PAUSE = 30_000;
/** After so long a connection is one that was meant to be kept. */
const STEADY = 3_000;

function showProgress(id, fraction) {
  const place = document.querySelector(`[data-progress="${CSS.escape(id)}"]`);
  if (!place) return;
  const bar = place.querySelector("progress");
  const before = Math.floor(bar.value * STEPS);
  bar.value = Math.max(bar.value, fraction);
  place.querySelector(".far").textContent = `${(bar.value * 100).toFixed(1)}%`;
  const after = Math.floor(bar.value * STEPS);
  if (after > before && after < STEPS) announce(`${place.dataset.name}: ${after * 25} percent done`);
}

/** A page's connection to what happens. */
class Live {
  #watched;
  #address;
  #refresh;
  #socket = null;
  #timer = 0;
  #steady = 0;
  #failures = 0;
  #isOver = false;

  constructor(watched) {
    this.#watched = watched;
    this.#address = new URL(watched.dataset.events, location.href);
    this.#address.protocol = location.protocol.replace("http", "ws");
    this.#refresh = soon(() => this.#fetch(watched.dataset.parts.split(" ")), 150);
  }

  start() {
    this.#open();
    addEventListener("pagehide", () => this.#leave());
    // Shown again as it was left, or when it is worth trying at once.
    addEventListener("pageshow", (event) => { if (event.persisted) this.#open(); });
    addEventListener("online", () => this.#open());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#open(); });
  }

  #open() {
    clearTimeout(this.#timer);
    if (this.#socket || this.#isOver) return;
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#watched.dataset.live = "yes";
      // A service that has no place for the socket takes it all the same, to say so by how it closes it.
      this.#steady = setTimeout(() => this.#isSteady(), STEADY);
    });
    socket.addEventListener("message", (event) => this.#told(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => { if (this.#socket === socket) this.#closed(event.code); });
  }

  #leave() {
    clearTimeout(this.#timer);
    clearTimeout(this.#steady);
    this.#steady = 0;
    this.#socket?.close();
    this.#socket = null;
    delete this.#watched.dataset.live;
  }

  #isSteady() {
    if (!this.#steady) return;
    clearTimeout(this.#steady);
    this.#steady = this.#failures = 0;
    say();
  }

  #told({ seq, type, data }) {
    this.#isSteady();
    this.#address.searchParams.set("since_seq", seq);
    if (type === "progress") return showProgress(data.job_id, data.progress);
    if (data?.new_status) announce(`Job ${String(data.job_id).slice(-6)} is ${data.new_status}`);
    this.#refresh();
  }

  #closed(code) {
    this.#leave();
    this.#isOver = code === ENDED || FINAL.includes(code);
    if (FINAL.includes(code)) return say("This page shows nothing new any more.", "Load the page anew", location.href);
    // What was not told shows all the same. A caller who is not known any more learns it from this, too: browsers do
    // not tell pages why a socket was refused.
    this.#refresh();
    if (this.#isOver) return;
    const pause = Math.min(LONGEST_PAUSE, 1_000 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.#open(), pause * (0.5 + Math.random() / 2));
  }

  async #fetch(parts) {
    try {
      await swap(parts);
      startResult();
      if (this.#isOver) say();
      else if (this.#failures > 2) say("What is new shows here late: there is no live connection.", "Load the page anew", location.href);
    } catch (error) {
      if (error instanceof SignedOut) this.#leave();
      // The connection says by itself when the service is gone.
      if (!this.#watched.dataset.live) sayWhy(error);
    }
  }
}

function startLive() {
  const watched = document.querySelector("[data-events]");
  if (watched) new Live(watched).start();
}
