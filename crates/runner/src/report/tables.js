"use strict";
// Tables and cards.

function cell(text, classes = "") {
  return node("td", { class: classes, ...(classes.includes("text") ? { title: text } : {}) }, text);
}

function drawHeadline() {
  const [from, to] = content.period;
  const period = from ? `${from} to ${to} UTC, ${whole.format(content.days)} days` : "no candles";
  const pairs = content.bars.length === 1 ? content.bars[0].pair : `${content.bars.length} pairs`;
  find("subtitle").textContent =
    `${content.strategy} · ${pairs} · ${content.timeframe} · ${period} · job ${content.job_id}${made_up}`;
  find("synthetic").hidden = !content.synthetic;
  find("empty").hidden = content.trades.total > 0;
  for (const figure of content.headline) {
    const [text, colour] = figureText(figure);
    const value = node("dd", { class: colour }, text, node("small", {}, figure.note));
    find("headline").append(node("dl", { class: "card" }, node("dt", {}, figure.label), value));
  }
}

function drawFigures() {
  for (const group of content.figures) {
    const lines = group.figures.map((figure) => {
      const [text, colour] = figureText(figure);
      const value = node("td", { class: colour }, text, node("small", {}, figure.note));
      return node("tr", {}, node("th", { scope: "row" }, figure.label), value);
    });
    find("figure-groups").append(
      node("div", {}, node("h3", {}, group.heading), node("table", {}, node("tbody", {}, ...lines))));
  }
}

function drawFacts() {
  const tables = [
    ["Facts", [["strategy", content.strategy], ["job", content.job_id], ["candles", content.synthetic ? "synthetic" : "market"], ...content.facts]],
    ["Settings as given", Object.entries(content.settings).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)])],
  ];
  for (const [heading, facts] of tables) {
    const lines = facts.map(([key, value]) => node("tr", {}, node("th", { scope: "row" }, key), node("td", {}, value)));
    find("fact-tables").append(
      node("div", { class: "wide" }, node("h3", {}, heading), node("table", {}, node("tbody", {}, ...lines))));
  }
}

/** Shade of a return: the strongest colour is 15 % or the largest return there is, if that is smaller. */
function shade(element, value, largest) {
  const strength = Math.round(Math.min(1, Math.abs(value) / largest) * 60);
  element.style.background = `color-mix(in srgb, var(--${value < 0 ? "loss" : "gain"}) ${strength}%, transparent)`;
  return element;
}

function drawMonths() {
  const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const returns = content.months.flatMap((year) => year.months).filter((value) => value !== null);
  const largest = Math.min(0.15, Math.max(0.0001, ...returns.map(Math.abs)));
  const head = ["Year", ...names, "Total"].map((name) => node("th", { scope: "col" }, name));
  const rows = content.months.map((year) => {
    const months = year.months.map((value) => (value === null ? cell("") : shade(cell(percent(value)), value, largest)));
    return node("tr", {}, node("th", { scope: "row" }, String(year.year)), ...months, cell(percent(year.total), tone(year.total)));
  });
  find("months-table").append(node("table", {}, node("thead", {}, node("tr", {}, ...head)), node("tbody", {}, ...rows)));
}

function drawBreakdown(breakdown) {
  const timed = breakdown.lines.some((line) => line.minutes !== null);
  const heads = [breakdown.name, "Trades", `Profit ${content.currency}`, "Profit", ...(timed ? ["Mean per trade", "Mean duration"] : []), "Won", "Even", "Lost", "Win rate", "Profit factor"];
  const row = (line) => node("tr", { class: line.key === "TOTAL" ? "total" : "" },
    node("th", { scope: "row", class: "text", title: line.key }, line.key || "(none)"),
    cell(whole.format(line.trades)), cell(money.format(line.profit_abs), tone(line.profit_abs)), cell(percent(line.profit), tone(line.profit)),
    ...(timed ? [cell(percent(line.profit_mean), tone(line.profit_mean)), cell(duration(line.minutes * 60))] : []),
    cell(whole.format(line.wins)), cell(whole.format(line.draws)), cell(whole.format(line.losses)),
    cell(line.trades > 0 ? percent(line.wins / line.trades) : ""), cell(line.profit_factor === null ? "" : two.format(line.profit_factor)));
  const head = heads.map((name, index) => node("th", { scope: "col", class: index === 0 ? "text" : "" }, name));
  find("breakdown-table").replaceChildren(
    node("table", {}, node("thead", {}, node("tr", {}, ...head)), node("tbody", {}, ...breakdown.lines.map(row))));
  find("breakdown-note").textContent = breakdown.left_out > 0 ? `${whole.format(breakdown.left_out)} more lines are left out.` : "";
  for (const button of find("breakdown-choice").children) {
    button.setAttribute("aria-pressed", String(button.textContent === breakdown.name));
  }
}

function drawBreakdowns() {
  find("breakdowns").hidden = content.breakdowns.length === 0;
  for (const breakdown of content.breakdowns) {
    const button = node("button", { type: "button" }, breakdown.name);
    button.addEventListener("click", () => drawBreakdown(breakdown));
    find("breakdown-choice").append(button);
  }
  if (content.breakdowns.length > 0) drawBreakdown(content.breakdowns[0]);
}
