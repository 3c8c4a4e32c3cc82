"use strict";
// Numbers and nodes. Text from the backtest only ever becomes a text node.

const content = JSON.parse(document.getElementById("content").textContent);
const find = (id) => document.getElementById(id);

function report(message) {
  const fault = find("fault");
  fault.textContent = `Something on this page failed: ${message}`;
  fault.hidden = false;
  document.documentElement.dataset.report = "failed";
}
addEventListener("error", (event) => report(event.message));
addEventListener("unhandledrejection", (event) => report(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => report(`${event.violatedDirective} refused ${event.blockedURI}`));

/** An element with properties and children; strings become text. */
function node(tag, properties = {}, ...children) {
  const { class: classes, data = {}, ...rest } = properties;
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(rest)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const decimals = (least, most = least) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most, signDisplay: "negative" });
const whole = decimals(0);
const two = decimals(2);
const four = decimals(4);
// Stake currencies like BTC need more than cents.
const money = Math.abs(content.curves.closed.value[0] ?? 0) >= 100 ? decimals(2) : decimals(0, 8);
const significant = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 7 });

const percent = (ratio) => `${two.format(ratio * 100)}%`;
const moment = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");

function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  if (days > 0) return `${days}d${hours > 0 ? ` ${hours}h` : ""}`;
  if (hours > 0) return `${hours}h${rest > 0 ? ` ${rest}m` : ""}`;
  return `${rest}m`;
}

const writers = {
  money: (value) => `${money.format(value)} ${content.currency}`,
  percent,
  number: (value) => two.format(value),
  probability: (value) => four.format(value),
  count: (value) => whole.format(value),
  seconds: duration,
};

/** What Rust calls a figure: `{ label, value: { kind: number } | null, signed, note }`. */
function figureText(figure) {
  if (figure.value === null) return ["not defined", ""];
  const [[kind, value]] = Object.entries(figure.value);
  return [value === null ? "not defined" : writers[kind](value), figure.signed ? tone(value) : ""];
}

const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
const made_up = content.synthetic ? " (synthetic candles)" : "";
