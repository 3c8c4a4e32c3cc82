"use strict";
// Charts, drawn by plotly.js.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
// plotly.js reads a little markup in texts; user text must show as it is.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const dates = (times) => times.map((time) => new Date(time).toISOString().slice(0, 19).replace("T", " "));
const date = (time) => dates([time])[0];
const narrow = () => innerWidth < 600;

const options = () => ({
  responsive: true, displaylogo: false, displayModeBar: !narrow(), doubleClick: "reset",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
});

function layout(axes) {
  const line = colour("line");
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
  const styled = Object.fromEntries(Object.entries(axes).map(([name, value]) => [name, name.includes("axis") ? { ...axis, ...value } : value]));
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), size: narrow() ? 11 : 12, family: getComputedStyle(document.body).fontFamily },
    margin: { l: 8, r: 12, t: narrow() ? 12 : 32, b: 8 }, hoverlabel: { bgcolor: colour("card"), bordercolor: line, font: { color: colour("ink") }, align: "left" },
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" }, dragmode: "zoom",
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("soft"), activecolor: colour("accent") }, ...styled,
  };
}

/** Width of a chart on paper, in pixels: A4 and Letter have room for it between their margins. */
const PAPER = 660;

/** Charts are as wide as the window, and a sheet is narrower. */
function startPrinting() {
  const resize = (size) => { for (const chart of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(chart, size); };
  addEventListener("beforeprint", () => resize({ width: PAPER, autosize: false }));
  addEventListener("afterprint", () => resize({ width: null, autosize: true }));
}

function idle(id, text) {
  find(id).classList.add("idle");
  find(id).textContent = text;
}

function drawEquity() {
  const { wallet, drawdown, closed } = content.curves;
  find("equity-note").textContent = content.marks_to_market
    ? "Open positions count at the open of each candle."
    : "On futures the wallet counts realised money only.";
  if (wallet.time.length === 0) return idle("equity-chart", "There is no candle to show.");
  const curve = (name, { time, value }, more) => ({ type: "scatter", mode: "lines", name, x: dates(time), y: value, ...more });
  const traces = [
    curve(`Wallet${made_up}`, wallet, { line: { color: colour("accent"), width: 1.5 }, hovertemplate: "%{y:,.2f}" }),
    curve("Closed trades", closed, { line: { color: colour("gain"), width: 1.2, shape: "hv" }, hovertemplate: "%{y:,.2f}" }),
    curve("Drawdown", drawdown, { yaxis: "y2", fill: "tozeroy", line: { color: colour("loss"), width: 1 }, hovertemplate: "%{y:.2%}" }),
  ];
  Plotly.react("equity-chart", traces, layout({
    hovermode: "x unified",
    xaxis: { type: "date", anchor: "y2" },
    yaxis: { domain: [0.34, 1], title: { text: plain(content.currency) }, tickformat: ",~g" },
    yaxis2: { domain: [0, 0.28], title: { text: "Drawdown" }, tickformat: ".0%", rangemode: "tozero" },
  }), options());
}

function drawSpread() {
  const { from, width, counts } = content.histogram;
  if (counts.length === 0) return idle("spread-chart", "There is no trade to show.");
  find("spread-note").textContent =
    `Return of each trade on its stake, in bins of ${significant.format(width)} %. The outermost bins hold everything beyond them.`;
  const middles = counts.map((_, bin) => from + (bin + 0.5) * width);
  const edge = (value) => `${significant.format(Math.round(value * 1e6) / 1e6)}%`;
  const label = (count, bin) => `${edge(from + bin * width)} to ${edge(from + (bin + 1) * width)}: ${whole.format(count)} trades`;
  Plotly.react("spread-chart", [{
    type: "bar", name: `Trades${made_up}`, x: middles, y: counts, width, text: counts.map(label), textposition: "none", hoverinfo: "text",
    marker: { color: middles.map((middle) => colour(middle < 0 ? "loss" : "gain")), line: { color: colour("card"), width: 1 } },
  }], layout({ xaxis: { ticksuffix: "%" }, yaxis: { title: { text: "Trades" } }, bargap: 0, showlegend: content.synthetic }), options());
}
