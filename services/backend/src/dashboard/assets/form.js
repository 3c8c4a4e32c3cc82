// A form that says what is wrong while it is filled in: the server checks it as it does when it is sent.

function startForm() {
  const form = document.querySelector("form[data-check]");
  if (!form) return;
  const parts = form.dataset.parts.split(" ");
  const check = soon(async () => {
    try {
      await swap(parts, form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      say();
    } catch (error) { sayWhy(error); }
    markFaults(form);
  }, 300);
  form.addEventListener("input", check);
  form.addEventListener("change", check);
}

/** Ties each value to what is wrong with it. Faults of values that nobody touched yet stay unsaid on a new form. */
function markFaults(form) {
  for (const faults of form.querySelectorAll(".faults")) {
    const control = form.elements[faults.dataset.of];
    if (control) control.setAttribute("aria-invalid", String(faults.textContent.trim() !== ""));
  }
}

/** Asks before something is done that cannot be undone. */
function startQuestions() {
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
}
