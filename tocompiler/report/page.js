"use strict";
const data = JSON.parse(document.getElementById("data").textContent);

// Sorting: a column's button sorts by the exact values, once downwards, again upwards.
const table = document.getElementById("rows"), body = table.tBodies[0];
const headers = [...table.tHead.rows[0].cells];
headers.forEach((header, at) => header.firstElementChild.addEventListener("click", () => {
  const up = header.getAttribute("aria-sort") === "descending";
  headers.forEach(other => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", up ? "ascending" : "descending");
  const value = row => at < 2 ? row.cells[at].textContent : Number(row.cells[at].dataset.value);
  const compare = at < 2 ? (a, b) => a.localeCompare(b) : (a, b) => a - b;
  const sorted = [...body.rows].sort((a, b) => (up ? 1 : -1) * compare(value(a), value(b)));
  body.append(...sorted);
}));

// Filtering: every word has to be in the name or the kind.
const filter = document.getElementById("filter"), shown = document.getElementById("shown");
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const row of body.rows) {
    const text = (row.cells[0].textContent + " " + row.cells[1].textContent).toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  shown.textContent = filter.value ? `${count} of ${body.rows.length} operators` : "";
});

// Charts: wide as the page is, in its own colours.
const width = Math.max(280, Math.min(document.body.clientWidth - 48, 1150));
const ink = getComputedStyle(document.body).color;  // a canvas knows no currentColor
const config = { background: "transparent", axis: { labelColor: ink, titleColor: ink,
  gridColor: "rgba(128,128,128,.25)" }, legend: { labelColor: ink, titleColor: ink } };
const icicle = {
  $schema: "https://vega.github.io/schema/vega/v6.json", width, height: 260, padding: 0, config,
  description: "Energy by module: each row is one level of the network, each width a share of the energy",
  data: [{ name: "tree", values: data.icicle, transform: [
    { type: "stratify", key: "id", parentKey: "parent" },
    { type: "partition", field: "value", sort: { field: "joule", order: "descending" }, padding: 1,
      size: [{ signal: "width" }, { signal: "height" }] }] }],
  scales: [{ name: "colour", type: "ordinal", range: { scheme: "set3" }, domain: { data: "tree", field: "group" } }],
  marks: [
    { type: "rect", aria: false, from: { data: "tree" }, encode: { enter: {
      x: { field: "x0" }, x2: { field: "x1" }, y: { field: "y0" }, y2: { field: "y1" },
      fill: { scale: "colour", field: "group" }, fillOpacity: { signal: "datum.depth ? 0.95 : 0.15" },
      stroke: { value: "rgba(128,128,128,.6)" },
      tooltip: { signal: "datum.name + (datum.operator ? ' (' + datum.operator + ')' : '') + ': ' + datum.text" } } } },
    { type: "text", aria: false, interactive: false, from: { data: "tree" }, encode: { enter: {
      x: { signal: "datum.x0 + 4" }, y: { signal: "(datum.y0 + datum.y1) / 2" }, baseline: { value: "middle" },
      fill: { signal: "datum.depth ? '#111' : '" + ink + "'" }, fontSize: { value: 11 }, limit: { signal: "datum.x1 - datum.x0 - 6" },
      text: { signal: "datum.x1 - datum.x0 > 34 ? datum.name : ''" } } } }],
};
const points = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: width - 80, height: 320, config,
  description: "Picojoule for each multiply-accumulate against multiply-accumulates for each byte, by operator",
  data: { values: data.points }, mark: { type: "point", aria: false, filled: true, opacity: 0.75 },
  encoding: {
    x: { field: "intensity", type: "quantitative", scale: { type: "log" }, title: "multiply-accumulates per byte" },
    y: { field: "picojoule", type: "quantitative", scale: { type: "log" }, title: "pJ per multiply-accumulate" },
    color: { field: "operator", type: "nominal", title: "operator" }, shape: { field: "operator", type: "nominal" },
    size: { field: "joule", type: "quantitative", title: "energy, J", scale: { range: [20, 400] } },
    tooltip: [{ field: "name" }, { field: "operator" }, { field: "joule", format: ".3s", title: "energy, J" },
      { field: "picojoule", format: ".3s" }, { field: "intensity", format: ".3s" }] },
};
const options = { actions: false, renderer: data.points.length > 400 ? "canvas" : "svg", tooltip: true };
const charts = [["#icicle", icicle], ["#points", points]].filter(([place]) => place !== "#points" || data.points.length);
if (!data.points.length) document.getElementById("points").textContent = "No operator has products.";
const root = document.documentElement.dataset;
root.ready = String(Math.round(performance.now()));
// The figures are there to be read before the charts are drawn.
requestAnimationFrame(() => setTimeout(async () => {
  for (const [place, chart] of charts) await vegaEmbed(place, chart, options);
  root.drawn = String(Math.round(performance.now()));
}));
