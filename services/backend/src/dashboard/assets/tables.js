// Begins to draw a result: tables first, they are there before the chart library has been read.

drawHeadline();
drawMonths();
drawBreakdowns();
listTrades();
drawFigures();
drawFacts();
