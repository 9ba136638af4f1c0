"use strict";

// Shows the record that stands in the page. What is shown is a function of the hash alone: whoever changes a
// filter changes the hash, and so whoever has the address sees the same.

const data = JSON.parse(document.getElementById("data").textContent);
const results = data.results;
const at = (id) => document.getElementById(id);

const MARKS = { pass: "✓", fail: "✗", known: "≈", skipped: "–", unsupported: "∅", error: "!" };
const WORST = ["fail", "error", "warns", "known", "unsupported", "skipped", "pass"];
const NOBODY = "-"; // in the hash: no server, or no client
const ROWS = 100; // how many results are drawn at once

// An element with attributes and children. Text is never taken for markup.
function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const kind = (result) => (result.outcome === "fail" && result.level !== "must" ? "warns" : result.outcome);
const protocol = (result) => `${result.framing}/${result.service}`;
const identity = (result) =>
  [result.case, result.server ?? NOBODY, result.client ?? NOBODY, protocol(result)].join(" ");
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const seconds = (us) => `${(us / 1e6).toFixed(us < 1e7 ? 2 : 1)} s`;

function who(result) {
  if (result.server && result.client) return `client ${result.client} with server ${result.server}`;
  return result.server ? `server ${result.server}` : `client ${result.client}`;
}

function text(result) {
  const words = [result.case, who(result), protocol(result), result.summary, result.diagnosis, result.catches];
  return words.concat(result.requirement).join(" ").toLowerCase();
}

results.forEach((result) => (result.text = text(result)));
const byWorst = (one, other) => WORST.indexOf(kind(one)) - WORST.indexOf(kind(other));
const sorted = results.slice().sort(byWorst); // a stable sort: the rest of the order is kept

// The state: everything that stands in the hash.

const state = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function address(changes) {
  const wanted = Object.entries({ ...state(), ...changes }).filter(([, value]) => value);
  return `#${new URLSearchParams(wanted)}`;
}

function go(changes) {
  const hash = address(changes);
  if (hash === (location.hash || "#")) return;
  history.replaceState(null, "", hash);
  show();
}

function matches(result, { peer, server, client, outcome, level, role, case: words }) {
  const is = (wanted, name) => !wanted || wanted === (name ?? NOBODY);
  return (
    (!peer || result.server === peer || result.client === peer) &&
    is(server, result.server) &&
    is(client, result.client) &&
    (!outcome || kind(result) === outcome || (outcome === "surprises" && isSurprise(result))) &&
    (!level || result.level === level) &&
    (!role || result.role === role) &&
    (!words || words.toLowerCase().split(/\s+/).every((word) => result.text.includes(word)))
  );
}

const isSurprise = (result) => ["fail", "warns", "error"].includes(kind(result));

// The list.

let shown = []; // the results that match, in their order
let drawn = 0; // how many of them are in the page
let lastFilters = null;

function row(result) {
  const name = kind(result);
  const says = result.reason ?? result.diagnosis ?? result.summary;
  const link = make(
    "a",
    { href: address({ show: identity(result) }), onclick: (event) => open(event, result) },
    make("span", {}, make("b", { class: name }, `${MARKS[result.outcome]} ${result.outcome}`), " ", make("b", {}, result.case), " ",
      make("span", { class: "quiet" }, `${who(result)}${protocol(result) === "u32be/echo" ? "" : `, ${protocol(result)}`} · ${result.level}`)),
  );
  if (says) link.append(make("span", { class: "says" }, says.split("\n")[0]));
  link.dataset.id = identity(result);
  return make("li", {}, link);
}

function open(event, result) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ show: identity(result) });
  at("detail").focus({ preventScroll: true });
}

function more() {
  const next = shown.slice(drawn, drawn + ROWS);
  at("list").append(...next.map(row));
  drawn += next.length;
  at("more").hidden = drawn >= shown.length;
  at("more").textContent = `Show more: ${shown.length - drawn} are left`;
}

function list(filters) {
  shown = sorted.filter((result) => matches(result, filters));
  drawn = 0;
  at("list").replaceChildren();
  more();
  at("count").textContent = `${shown.length} of ${count(results.length, "result")}`;
}

// The matrix.

function matrix() {
  const names = (key) => [...new Set(results.map((result) => result[key] ?? NOBODY))].sort();
  const [servers, clients] = [names("server"), names("client")];
  const cells = new Map();
  for (const result of results) {
    const key = `${result.server ?? NOBODY} ${result.client ?? NOBODY}`;
    const cell = cells.get(key) ?? { all: 0 };
    cell.all += 1;
    cell[kind(result)] = (cell[kind(result)] ?? 0) + 1;
    cells.set(key, cell);
  }
  const title = (name, side) => (name === NOBODY ? `no ${side}` : name);
  const head = make("tr", {}, make("td"), ...servers.map((name) => make("th", { scope: "col" }, title(name, "server"))));
  const line = (client) => {
    const cell = (server) => make("td", {}, ...place(server, client, cells.get(`${server} ${client}`)));
    return make("tr", {}, make("th", { scope: "row" }, title(client, "client")), ...servers.map(cell));
  };
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...clients.map(line)));
}

function place(server, client, cell) {
  if (!cell) return [];
  const worst = WORST.find((name) => cell[name]);
  const mark = MARKS[worst === "warns" ? "fail" : worst];
  const words = worst === "pass" ? `${mark} ${cell.pass}` : `${mark} ${cell[worst]} of ${cell.all}${worst === "warns" ? " warn" : ""}`;
  const pressed = () => state().server === server && state().client === client;
  const toggle = () => go(pressed() ? { server: "", client: "" } : { server, client, peer: "", show: "" });
  const label = `${words}: server ${server === NOBODY ? "none" : server}, client ${client === NOBODY ? "none" : client}`;
  const button = make("button", { type: "button", class: worst, "aria-label": label, onclick: toggle }, words);
  button.isPressed = pressed;
  return [button];
}

// One result.

function detail(result) {
  const part = (title, ...content) => (content.length ? [make("h3", {}, title), ...content] : []);
  const facts = make("dl");
  const fact = (name, value, attributes = {}) => {
    if (value) facts.append(make("dt", {}, name), make("dd", attributes, value));
  };
  fact("What is wrong", result.summary);
  fact("Likely", result.diagnosis, { class: "likely" });
  fact("Blame", result.blame);
  fact("Known", result.reason);
  fact("Catches", result.catches);
  for (const clause of result.requirement) fact(`Clause ${clause}`, data.clauses[clause]);
  fact("Protocol", `${protocol(result)} over ${result.transport}`);
  fact("Ended by", result.close);
  fact("Cuts", result.confirmed ? "are known to have reached the peer as planned" : "may not have reached the peer as planned");
  fact("Took", seconds(result.duration_us));
  const close = make("button", { type: "button", "aria-label": "Close this result", onclick: () => go({ show: "" }) }, "Close");
  const name = make("h2", {}, make("span", { class: kind(result) }, `${MARKS[result.outcome]} ${result.outcome}`), ` ${result.case}`);
  return [
    make("div", { class: "top" }, name, close),
    make("p", { class: "quiet" }, `${who(result)} · ${result.level}${result.flaky ? " · flaky" : ""}`),
    facts,
    ...(result.evidence ? part("Capture", make("pre", {}, result.evidence)) : []),
    ...(result.again ? part("See it again", again(result.again)) : []),
    ...part("Where it goes wrong", ...(result.ruler ? [make("pre", {}, result.ruler)] : [])),
    ...(result.excerpt ? part("Bytes that were due", hexdump(result.excerpt.expected, result.excerpt.offset)) : []),
    ...(result.excerpt ? part("Bytes that came", hexdump(result.excerpt.got, result.excerpt.offset)) : []),
    ...(result.excerpt ? [legend()] : []),
    ...(result.dialogue ? part("Dialogue", timeline(result)) : []),
    ...(result.output ? part("Last output of the peer", make("pre", { tabindex: "0" }, plain(result.output.join("\n")))) : []),
  ];
}

// Without the sequences that colour a terminal.
const plain = (output) => output.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");

function again(command) {
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command);
    copy.textContent = "Copied";
  });
  return make("div", { class: "again" }, make("pre", {}, command), ...(navigator.clipboard ? [copy] : []));
}

function legend() {
  const sample = make("span", { class: "hex", style: "border:0;padding:0;background:none" },
    make("span", { class: "header" }, "header"), " body ", make("span", { class: "wrong" }, "first byte that differs"));
  return make("p", {}, sample);
}

function hexdump(window, offset) {
  const block = make("div", { class: "hex", tabindex: "0", role: "group" });
  const bytes = window.hex.match(/../g) ?? [];
  const wrong = offset - window.start;
  const classOf = (index) => (index === wrong ? "wrong" : window.parts[index] === "h" ? "header" : "");
  for (let line = 0; line <= bytes.length; line += 12) {
    const here = bytes.slice(line, line + 12);
    if (!here.length && !(line === wrong || line === 0)) break;
    block.append(make("span", { class: "at" }, String(window.start + line).padStart(6)), "  ");
    let readable = "";
    here.forEach((byte, index) => {
      block.append(make("span", { class: classOf(line + index) }, byte), " ");
      const code = parseInt(byte, 16);
      readable += code > 32 && code < 127 ? String.fromCharCode(code) : "·";
    });
    let used = here.length;
    if (wrong === line + here.length && here.length < 12) {
      block.append(make("span", { class: "wrong" }, "??"), " ");
      used += 1;
    }
    block.append("   ".repeat(12 - used), " ", readable, "\n");
  }
  if (window.more) block.append(make("span", { class: "at" }, "    ..  goes on"));
  return block;
}

// Who said what to whom: the client on the left, the server on the right, time downwards.
function timeline(result) {
  const { moments, gap, conversation } = result.dialogue;
  const [left, right, width] = innerWidth < 620 ? [68, 372, 400] : [110, 610, 640];
  const step = 38;
  const lines = gap ? moments.length + 1 : moments.length;
  const height = 40 + lines * step;
  const names = { server: ["harness", "server"], client: ["client", "harness"], pairing: ["client", "server"] }[result.role];
  const label = `${count(moments.length, "moment")} of conversation ${conversation}: ${moments.map((moment) => moment.what).join("; ")}`;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label.slice(0, 2000) });
  const write = (x, y, anchor, words, name = "") =>
    svg.append(draw("text", { x, y, "text-anchor": anchor, class: name }, words));
  write(left, 18, "middle", names[0]);
  write(width, 18, "end", names[1]);
  for (const x of [left, right]) svg.append(draw("line", { x1: x, x2: x, y1: 26, y2: height, class: "rail" }));
  let y = 46;
  moments.forEach((moment, index) => {
    if (gap && gap.behind === index) {
      write((left + right) / 2, y, "middle", `… ${gap.moments} more …`, "time");
      y += step;
    }
    const ms = moment.at_us / 1000;
    write(left - 12, y + 5, "end", ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`, "time");
    said(svg, moment, left, right, y, write);
    y += step;
  });
  return make("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": "Dialogue" }, svg);
}

function said(svg, { way, what }, left, right, y, write) {
  const most = Math.floor((right - left - 20) / 8); // of characters, each about 8 units wide
  const words = what.length > most ? `${what.slice(0, most - 1)}…` : what;
  const middle = (left + right) / 2;
  const arrow = (from, to, name, head) => {
    const back = to > from ? -8 : 8;
    svg.append(
      draw("line", { x1: from, x2: to + back, y1: y + 6, y2: y + 6, class: name }),
      draw("path", { d: `M${to} ${y + 6} l${back} -5 v10 z`, class: head }),
    );
    write(middle, y, "middle", words);
  };
  if (way === "request") arrow(left, right, "request", "head");
  else if (way === "answer") arrow(right, left, "answer", "answer-head");
  else if (way === "at-client") write(left + 8, y + 5, "start", words);
  else if (way === "at-server") write(right - 8, y + 5, "end", words);
  else write(middle, y + 5, "middle", words, what.startsWith("waited") ? "vain" : "");
}

// From the hash to the page.

function show() {
  const { show: wanted, ...filters } = state();
  const key = JSON.stringify(filters);
  if (key !== lastFilters) {
    lastFilters = key;
    list(filters);
    for (const field of at("filters").elements) {
      if (field.name && field.value !== (filters[field.name] ?? "")) field.value = filters[field.name] ?? "";
    }
    for (const button of document.querySelectorAll("#matrix button")) button.setAttribute("aria-pressed", button.isPressed());
  }
  const result = wanted && results.find((each) => identity(each) === wanted);
  while (result && shown.includes(result) && shown.indexOf(result) >= drawn) more();
  const box = at("detail");
  box.hidden = !result;
  document.querySelector("main").classList.toggle("open", Boolean(result));
  box.replaceChildren(...(result ? detail(result) : []));
  box.setAttribute("aria-label", result ? `${result.case}, ${who(result)}` : "");
  box.scrollTop = 0;
  for (const link of document.querySelectorAll("#list a")) {
    link.setAttribute("aria-current", link.dataset.id === wanted);
    if (link.dataset.id === wanted) link.scrollIntoView({ block: "nearest" });
  }
}

function step(by) {
  const now = shown.findIndex((result) => identity(result) === state().show);
  const next = shown[now < 0 ? 0 : now + by];
  if (next) go({ show: identity(next) });
}

function keys(event) {
  const typing = event.target.matches("input, select");
  if (event.key === "Escape") go({ show: "" });
  else if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "/") at("filters").elements.case.focus();
  else return;
  event.preventDefault();
}

function choices(name, any, values) {
  const present = values.filter(([value, , is]) => value && (!is || results.some(is)));
  const option = ([value, words]) => make("option", { value }, words ?? value);
  at("filters").elements[name].append(make("option", { value: "" }, any), ...present.map(option));
}

function start() {
  const { summary } = data;
  const failed = summary.fail_must > 0 || data.troubles.length > 0;
  const verdict = failed ? "failed" : summary.error ? "errors" : "as expected";
  at("verdict").append(make("span", { class: failed ? "fail" : summary.error ? "error" : "pass" }, verdict));
  const words = { fail_must: "failed", warns: "only warn", error: summary.error === 1 ? "error" : "errors", pass: "passed", known: "known", unsupported: "unsupported", skipped: "skipped" };
  const counts = { ...summary, warns: summary.fail - summary.fail_must };
  const parts = Object.entries(words).filter(([key]) => counts[key]).map(([key, word]) => `${counts[key]} ${word}`);
  at("sum").textContent = `${count(results.length, "case")}: ${parts.join(", ")} · ${seconds(summary.duration_us)}`;
  at("troubles").append(...data.troubles.map((trouble) => make("li", {}, trouble)));
  document.title = `interop: ${verdict}`;

  const peers = [...new Set(results.flatMap((result) => [result.server, result.client]))].filter(Boolean).sort();
  choices("peer", "all peers", peers.map((peer) => [peer]));
  const named = { warns: "fail, only warns" };
  choices("outcome", "all outcomes", [
    ["surprises", "all surprises", isSurprise],
    ...WORST.map((name) => [name, named[name], (result) => kind(result) === name]),
  ]);
  choices("level", "all levels", ["must", "should", "info"].map((level) => [level, level, (result) => result.level === level]));
  choices("role", "all roles", ["server", "client", "pairing"].map((role) => [role, role, (result) => result.role === role]));

  document.querySelector("#matrix .scrolls").append(matrix());
  at("filters").addEventListener("input", (event) => go({ [event.target.name]: event.target.value, show: "" }));
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("reset").addEventListener("click", () => go({ peer: "", server: "", client: "", outcome: "", level: "", role: "", case: "", show: "" }));
  at("more").addEventListener("click", more);
  new IntersectionObserver(([seen]) => seen.isIntersecting && !at("more").hidden && more(), { rootMargin: "300px" }).observe(at("more"));
  addEventListener("hashchange", show);
  addEventListener("keydown", keys);
  show();
}

start();
