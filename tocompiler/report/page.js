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
const config = { background: "transparent", axis: { labelColor: "currentColor", titleColor: "currentColor",
  gridColor: "rgba(128,128,128,.25)" }, legend: { labelColor: "currentColor", titleColor: "currentColor" } };
const icicle = {
  $schema: "https://vega.github.io/schema/vega/v6.json", width, height: 260, padding: 0, config,
  description: "Energy by module: each row is one level of the network, each width a share of the energy",
  data: [{ name: "tree", values: data.icicle, transform: [
    { type: "stratify", key: "id", parentKey: "parent" },
    { type: "partition", field: "value", sort: { field: "joule", order: "descending" }, padding: 1,
      size: [{ signal: "width" }, { signal: "height" }] }] }],
  scales: [{ name: "colour", type: "ordinal", range: { scheme: "set3" }, domain: { data: "tree", field: "group" } }],
  marks: [
    { type: "rect", from: { data: "tree" }, encode: { enter: {
      x: { field: "x0" }, x2: { field: "x1" }, y: { field: "y0" }, y2: { field: "y1" },
      fill: { scale: "colour", field: "group" }, fillOpacity: { signal: "datum.depth ? 0.95 : 0.15" },
      stroke: { value: "rgba(128,128,128,.6)" },
      tooltip: { signal: "datum.name + (datum.operator ? ' (' + datum.operator + ')' : '') + ': ' + datum.text" } } } },
    { type: "text", interactive: false, from: { data: "tree" }, encode: { enter: {
      x: { signal: "datum.x0 + 4" }, y: { signal: "(datum.y0 + datum.y1) / 2" }, baseline: { value: "middle" },
      fill: { signal: "datum.depth ? '#111' : 'currentColor'" }, fontSize: { value: 11 }, limit: { signal: "datum.x1 - datum.x0 - 6" },
      text: { signal: "datum.x1 - datum.x0 > 34 ? datum.name : ''" } } } }],
};
const points = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: width - 80, height: 320, config,
  description: "Picojoule for each multiply-accumulate against multiply-accumulates for each byte, by operator",
  data: { values: data.points }, mark: { type: "point", filled: true, opacity: 0.75 },
  encoding: {
    x: { field: "intensity", type: "quantitative", scale: { type: "log" }, title: "multiply-accumulates per byte" },
    y: { field: "picojoule", type: "quantitative", scale: { type: "log" }, title: "pJ per multiply-accumulate" },
    color: { field: "operator", type: "nominal", title: "operator" }, shape: { field: "operator", type: "nominal" },
    size: { field: "joule", type: "quantitative", title: "energy, J", scale: { range: [20, 400] } },
    tooltip: [{ field: "name" }, { field: "operator" }, { field: "joule", format: ".3s", title: "energy, J" },
      { field: "picojoule", format: ".3s" }, { field: "intensity", format: ".3s" }] },
};
const options = { actions: false, renderer: "svg", tooltip: true };
vegaEmbed("#icicle", icicle, options);
if (data.points.length) vegaEmbed("#points", points, options);
else document.getElementById("points").textContent = "No operator has products.";
document.documentElement.dataset.ready = String(Math.round(performance.now()));
