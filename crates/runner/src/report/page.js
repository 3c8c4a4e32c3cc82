"use strict";
// Tables first: they are there before the chart library below has been read.

drawHeadline();
drawMonths();
drawBreakdowns();
listTrades();
drawFigures();
drawFacts();

addEventListener("DOMContentLoaded", () => {
  drawEquity();
  startPrice();
  drawSpread();
  startPrinting();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawEquity();
    if (price.bars) drawPrice(price.view);
    drawSpread();
  });
  document.documentElement.dataset.report ??= "drawn";
});
