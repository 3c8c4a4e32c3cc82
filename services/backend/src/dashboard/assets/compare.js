"use strict";
// The growth of several wallets over one another, drawn with the report's means.

const dashes = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const shades = ["accent", "gain", "loss", "warn", "soft", "ink"];

function drawGrowth() {
  const traces = content.compared.map(({ name, synthetic, wallet }, index) => ({
    type: "scatter", mode: "lines", name: plain(name + (synthetic ? " (synthetic candles)" : "")), x: dates(wallet.time),
    y: wallet.value.map((value) => value / wallet.value[0] - 1), hovertemplate: "%{y:.2%}",
    line: { color: colour(shades[index % shades.length]), width: 1.5, dash: dashes[Math.floor(index / shades.length) % dashes.length] },
  }));
  if (traces.every((trace) => trace.x.length === 0)) return idle("growth-chart", "There is no candle to show.");
  Plotly.react("growth-chart", traces, layout({
    hovermode: "x unified", xaxis: { type: "date" }, yaxis: { tickformat: ".1%", title: { text: "Growth of the wallet" } }, showlegend: true,
    // Names may be many and long: below, where there is nothing to cover.
    legend: { orientation: "h", x: 0, y: -0.1, yanchor: "top" },
  }), options());
}

drawGrowth();
startPrinting();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawGrowth);
document.documentElement.dataset.report ??= "drawn";
