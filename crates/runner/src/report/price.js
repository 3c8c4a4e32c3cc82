"use strict";
// The price chart with its trades. Only the trades in view are drawn, so that thousands of them stay quick.

const MOST_MARKS = 1000;
const price = { bars: null, view: null, chosen: null };
const timeOf = (bars, index) => bars.start + bars.slot[index] * bars.step;

function candles(bars) {
  const times = bars.slot.map((slot) => bars.start + slot * bars.step);
  const line = (name) => ({ line: { color: colour(name), width: 1 }, fillcolor: colour(name) });
  return {
    type: "candlestick", name: `${plain(bars.pair)}${made_up}`, x: dates(times), open: bars.open, high: bars.high, low: bars.low, close: bars.close,
    increasing: line("gain"), decreasing: line("loss"), opacity: 0.55, hoverinfo: "x+y",
  };
}

function tradesInView(from, to) {
  const inView = trades.filter((trade) => trade.pair === price.bars.pair && trade.close >= from && trade.open <= to);
  if (inView.length <= MOST_MARKS) return [inView, inView.length];
  const largest = [...inView].sort((one, other) => Math.abs(other.profit_abs) - Math.abs(one.profit_abs));
  return [largest.slice(0, MOST_MARKS).sort((one, other) => one.number - other.number), inView.length];
}

function hover(trade, what, at, rate) {
  const lines = [
    `${what} of trade ${trade.number} (${trade.side}), ${moment(at)}`, `Price ${significant.format(rate)}`,
    `Profit ${money.format(trade.profit_abs)} ${content.currency} (${percent(trade.profit)})`,
    `Tag: ${trade.tag || "none"}`, `Exit: ${trade.reason}`,
  ];
  return lines.map(plain).join("<br>");
}

/** Fills of a trade: when, at what price, whether an entry. */
function fillsOf(trade) {
  if (trade.fills.length > 0) return trade.fills;
  return [[trade.open, trade.open_rate, 1], ...(trade.close_rate === null ? [] : [[trade.close, trade.close_rate, 0]])];
}

function marks(shown) {
  const series = (name, symbol, shade) => ({
    type: "scatter", mode: "markers", name, x: [], y: [], text: [], hoverinfo: "text",
    marker: { symbol, size: shown.length > 150 ? 7 : 11, color: colour(shade), line: { color: colour("ground"), width: 1 } },
  });
  const [long, short] = [series("Long entry", "triangle-up", "accent"), series("Short entry", "triangle-down", "accent")];
  const [won, lost] = [series("Exit, won", "circle", "gain"), series("Exit, lost", "x", "loss")];
  const path = { type: "scatter", mode: "lines", name: "Held", x: [], y: [], hoverinfo: "skip", showlegend: false, line: { color: colour("soft"), width: 1, dash: "dot" } };
  for (const trade of shown) {
    for (const [at, rate, isEntry] of fillsOf(trade)) {
      const target = isEntry ? (trade.short ? short : long) : trade.profit < 0 ? lost : won;
      target.x.push(date(at));
      target.y.push(rate);
      target.text.push(hover(trade, isEntry ? "Entry" : "Exit", at, rate));
      path.x.push(date(at));
      path.y.push(rate);
    }
    path.x.push(null);
    path.y.push(null);
  }
  // Entries last: a trade often begins where another one ends, and the triangle shows on top of the circle.
  return [path, ...[won, lost, long, short].filter((one) => one.x.length > 0)];
}

/** Lowest and highest price between two moments, with a little room. */
function priceRange(from, to, shown) {
  const { bars } = price;
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0; index < bars.slot.length; index += 1) {
    const time = timeOf(bars, index);
    if (time + bars.step < from || time > to) continue;
    low = Math.min(low, bars.low[index]);
    high = Math.max(high, bars.high[index]);
  }
  for (const [, rate] of shown.flatMap(fillsOf)) [low, high] = [Math.min(low, rate), Math.max(high, rate)];
  const room = (high - low) * 0.05 || high * 0.01;
  return [low - room, high + room];
}

const wholeRange = () => [price.bars.start, timeOf(price.bars, price.bars.slot.length - 1) + price.bars.step];

/** A band from the opening to the closing of the chosen trade. */
function band() {
  if (price.chosen === null || price.chosen.pair !== price.bars.pair) return [];
  const { open, close } = price.chosen;
  return [{ type: "rect", yref: "paper", x0: date(open), x1: date(close), y0: 0, y1: 1, fillcolor: colour("accent"), opacity: 0.12, line: { width: 0 }, layer: "below" }];
}

function drawPrice([from, to]) {
  const [shown, all] = tradesInView(from, to);
  const left = all > shown.length ? ` The ${whole.format(shown.length)} with the largest results are marked; zoom in for the others.` : "";
  find("price-note").textContent =
    `Bars of ${duration(price.bars.step / 1000)}, ${whole.format(all)} trades in view. Drag to zoom, double-click for the whole period.${left}`;
  return Plotly.react("price-chart", [candles(price.bars), ...marks(shown)], layout({
    xaxis: { type: "date", range: [date(from), date(to)], rangeslider: { visible: false } },
    // Dragging chooses a period; the prices follow.
    yaxis: { range: priceRange(from, to, shown), fixedrange: true, tickformat: ",~g" }, hovermode: "closest", shapes: band(),
  }), options());
}

/** Milliseconds of a date as plotly.js writes it, in UTC. */
const utc = (text) => Date.parse(text.length > 10 ? `${text.replace(" ", "T")}Z` : text);

function viewOf(change) {
  if (change["xaxis.autorange"]) return wholeRange();
  const ends = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  return ends[0] === undefined ? null : ends.map(utc);
}

function showPair(pair, view) {
  price.bars = content.bars.find((bars) => bars.pair === pair && bars.slot.length > 0);
  if (!price.bars) return idle("price-chart", "There is no candle to show.");
  find("pair").value = pair;
  price.view = view ?? wholeRange();
  return drawPrice(price.view);
}

function showTrade(trade) {
  const bars = content.bars.find((one) => one.pair === trade.pair);
  if (!bars || bars.slot.length === 0) return;
  price.chosen = trade;
  const room = Math.max((trade.close - trade.open) * 1.5, bars.step * 20);
  showPair(trade.pair, [trade.open - room, trade.close + room]);
  find("price-note").textContent = `Trade ${trade.number} is shaded. ${find("price-note").textContent}`;
  find("price").scrollIntoView();
}

function startPrice() {
  find("pair").replaceChildren(...content.bars.map((bars) => node("option", {}, bars.pair)));
  if (!content.bars.some((bars) => bars.slot.length > 0)) return idle("price-chart", "There is no candle to show.");
  showPair((content.bars.find((bars) => trades.some((trade) => trade.pair === bars.pair)) ?? content.bars[0]).pair);
  find("pair").addEventListener("change", (event) => showPair(event.target.value, price.view));
  find("whole").addEventListener("click", () => showPair(price.bars.pair));
  find("price-chart").on("plotly_relayout", (change) => {
    const view = viewOf(change);
    if (view) { price.view = view; drawPrice(view); }
  });
}
