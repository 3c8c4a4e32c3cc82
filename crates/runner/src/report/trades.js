"use strict";
// The list of trades: found, sorted, a page at a time.

const word = (number) => content.trades.words[number];
const trades = content.trades.rows.map((row, index) => ({
  ...row, number: index + 1, pair: word(row.pair), tag: word(row.tag), reason: word(row.reason),
  side: row.short ? "short" : "long", fills: row.fills ?? [],
}));

const columns = [
  { name: "Trade", key: (trade) => trade.number, text: (trade) => whole.format(trade.number) },
  { name: "Pair", key: (trade) => trade.pair, text: (trade) => trade.pair, class: "text" },
  { name: "Side", key: (trade) => trade.side, text: (trade) => trade.side + (trade.leverage > 1 ? ` ${trade.leverage}x` : ""), class: "text" },
  { name: "Opened", key: (trade) => trade.open, text: (trade) => moment(trade.open) },
  { name: "Closed", key: (trade) => trade.close, text: (trade) => moment(trade.close) },
  { name: "Duration", key: (trade) => trade.close - trade.open, text: (trade) => duration((trade.close - trade.open) / 1000) },
  { name: "Entry price", key: (trade) => trade.open_rate, text: (trade) => significant.format(trade.open_rate) },
  { name: "Exit price", key: (trade) => trade.close_rate ?? 0, text: (trade) => (trade.close_rate === null ? "" : significant.format(trade.close_rate)) },
  { name: "Stake", key: (trade) => trade.stake, text: (trade) => money.format(trade.stake) },
  { name: `Profit ${content.currency}`, key: (trade) => trade.profit_abs, text: (trade) => money.format(trade.profit_abs), signed: true },
  { name: "Profit", key: (trade) => trade.profit, text: (trade) => percent(trade.profit), signed: true },
  { name: "Entry tag", key: (trade) => trade.tag, text: (trade) => trade.tag, class: "text" },
  { name: "Exit reason", key: (trade) => trade.reason, text: (trade) => trade.reason, class: "text" },
];

const list = { column: columns[0], descending: false, page: 0, size: 50 };

function chosenTrades() {
  const [text, side, result] = [find("find").value.trim().toLowerCase(), find("side").value, find("result").value];
  const fits = (trade) =>
    (!side || trade.side === side) &&
    (!result || (result === "won" ? trade.profit > 0 : trade.profit < 0)) &&
    (!text || [trade.pair, trade.tag, trade.reason].some((value) => value.toLowerCase().includes(text)));
  const key = list.column.key;
  const sign = list.descending ? -1 : 1;
  const order = (one, other) => (key(one) < key(other) ? -sign : key(one) > key(other) ? sign : one.number - other.number);
  return trades.filter(fits).sort(order);
}

function tradeRow(trade) {
  const cells = columns.slice(1).map((column) =>
    cell(column.text(trade), column.signed ? tone(column.key(trade)) : (column.class ?? "")));
  const button = node("button", { type: "button", "aria-label": `Show trade ${trade.number} on the chart` }, columns[0].text(trade));
  const row = node("tr", {}, node("th", { scope: "row" }, button), ...cells);
  row.addEventListener("click", () => showTrade(trade));
  return row;
}

function sortButton(column) {
  const button = node("button", { type: "button" }, column.name);
  button.addEventListener("click", () => {
    list.descending = list.column === column ? !list.descending : Boolean(column.signed);
    list.column = column;
    list.page = 0;
    drawTrades();
    find("trades-table").querySelector("th[aria-sort] button").focus();
  });
  return button;
}

function drawTrades() {
  const chosen = chosenTrades();
  const pages = Math.max(1, Math.ceil(chosen.length / list.size));
  list.page = Math.max(0, Math.min(list.page, pages - 1));
  const shown = chosen.slice(list.page * list.size, (list.page + 1) * list.size);
  const head = columns.map((column) => {
    const sorted = column === list.column ? { "aria-sort": list.descending ? "descending" : "ascending" } : {};
    return node("th", { scope: "col", class: column.class ?? "", ...sorted }, sortButton(column));
  });
  find("trades-table").replaceChildren(
    node("table", {}, node("thead", {}, node("tr", {}, ...head)), node("tbody", {}, ...shown.map(tradeRow))));
  find("page-of").textContent = `${whole.format(chosen.length)} trades, page ${list.page + 1} of ${pages}`;
  find("previous").disabled = list.page === 0;
  find("next").disabled = list.page + 1 >= pages;
}

function listTrades() {
  const missing = content.trades.total - trades.length;
  find("trades-note").textContent = "Choose a trade to see it on the price chart." +
    (missing > 0 ? ` The first ${whole.format(trades.length)} of ${whole.format(content.trades.total)} trades are listed; trades.parquet has them all.` : "");
  const again = () => { list.page = 0; drawTrades(); };
  for (const id of ["find", "side", "result"]) find(id).addEventListener("input", again);
  find("previous").addEventListener("click", () => { list.page -= 1; drawTrades(); });
  find("next").addEventListener("click", () => { list.page += 1; drawTrades(); });
  drawTrades();
}
