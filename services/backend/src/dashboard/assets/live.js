// Progress of jobs as it happens, by server-sent events.

const STEPS = 4;

function showProgress(id, fraction) {
  const place = document.querySelector(`[data-progress="${CSS.escape(id)}"]`);
  if (!place) return;
  const bar = place.querySelector("progress");
  const before = Math.floor(bar.value * STEPS);
  bar.value = Math.max(bar.value, fraction);
  place.querySelector("output").textContent = `${(bar.value * 100).toFixed(1)}%`;
  const after = Math.floor(bar.value * STEPS);
  if (after > before && after < STEPS) announce(`${place.dataset.name}: ${after * 25} percent done`);
}

function startLive() {
  const watched = document.querySelector("[data-events]");
  if (!watched || watched.dataset.started) return;
  watched.dataset.started = "yes";
  const parts = watched.dataset.parts.split(" ");
  const refresh = soon(() => swap(parts).then(startResult), 150);
  const source = new EventSource(watched.dataset.events);
  const told = (event) => {
    const { type, data } = JSON.parse(event.data);
    if (type === "progress") return showProgress(data.job_id, data.progress);
    if (data?.new_status) announce(`Job ${String(data.job_id).slice(-6)} is ${data.new_status}`);
    refresh();
    if (watched.dataset.one && ["completed", "failed", "cancelled"].includes(data?.new_status)) source.close();
  };
  for (const name of ["message", "state", "collecting", "progress", "missed", "snapshot"]) source.addEventListener(name, told);
  addEventListener("pagehide", () => source.close());
}
