// A result is drawn by the report's scripts, once it is there.

function startResult() {
  const result = document.querySelector("[data-scripts]");
  if (!result || result.dataset.started) return;
  result.dataset.started = "yes";
  for (const address of result.dataset.scripts.split(" ")) {
    const script = document.createElement("script");
    script.src = address;
    script.async = false;
    document.head.append(script);
  }
}

startLive();
startForm();
startQuestions();
startResult();
