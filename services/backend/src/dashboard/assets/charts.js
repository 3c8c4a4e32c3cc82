"use strict";

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
