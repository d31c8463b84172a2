// host_page.js - draws the namespaces of a host and the wires between them. A namespace is a box, its devices are lines in it, a
// port stands inside its bridge, and a wire is a curve from line to line.
//
//   column 0     1           2
//   ┌──────┐   ┌──────┐   ┌──────┐   The host's namespace stands left, what is wired to it one column further, and so on: no wire
//   │ vc1 ─┼───┼ eth0 │   │      │   skips a column. What is wired, but not to the host, follows in rows of its own; at the end,
//   └──────┘   └──────┘   └──────┘   namespaces without a wire. The order follows the data alone.
"use strict";

const page = readData();
const namespaces = page.namespaces || [];
const wires = page.wires || [];
const byId = (id) => document.getElementById(id);
const svg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
const kMostAddresses = 3;  // of a device, in the drawing; the panel has all

const kUsual = ["127.0.0.1/8", "::1/128"];  // every loopback has them

// ---- who stands where

const spaceOf = new Map(namespaces.map((space) => [space.inode, space]));
const keyOf = (end) => `${end.netns}:${end.device}`;
const programKey = (wire) => `program:${wire.program_netns || 0}:${wire.program.pid}`;

// Devices in the order of the drawing: bridges with their ports behind them, loopback last.
function displayed(space) {
  const devices = space.devices || [];
  const ports = new Map();
  for (const device of devices) {
    if (!device.master || !devices.some((other) => other.name === device.master && other !== device)) continue;
    ports.set(device.master, [...(ports.get(device.master) || []), device]);
  }
  const placed = new Set();
  const place = (device, depth) => {
    if (placed.has(device)) return [];
    placed.add(device);
    return [{ device, depth }, ...(ports.get(device.name) || []).flatMap((port) => place(port, depth + 1))];
  };
  const isPort = (device) => [...ports.values()].some((list) => list.includes(device));
  const rank = (device) => (device.kind === "loopback" || device.name === "lo" ? 2 : ports.has(device.name) ? 0 : 1);
  const heads = devices.filter((device) => !isPort(device)).sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  return [...heads, ...devices].flatMap((device) => place(device, 0));  // the second: ports of each other, which no kernel makes
}

// The namespaces that a wire joins, other than the one that it begins in.
function joined(wire) {
  const far = wire.other?.netns ?? wire.program_netns;
  return far && far !== wire.one.netns && spaceOf.has(far) && spaceOf.has(wire.one.netns) ? [wire.one.netns, far] : null;
}

function neighboursOf(space) {
  const found = [];
  const order = displayed(space).map(({ device }) => device.index);
  const here = wires.filter(joined).map((wire) => {
    const [from, to] = joined(wire);
    if (from === space.inode) return { far: to, at: order.indexOf(wire.one.device) };
    if (to === space.inode) return { far: from, at: wire.other ? order.indexOf(wire.other.device) : order.length };
    return null;
  });
  for (const { far } of here.filter(Boolean).sort((a, b) => a.at - b.at)) if (!found.includes(far)) found.push(far);
  return found;
}

// Lists of columns: one for each set of namespaces that are wired to each other.
function arrange() {
  const placed = new Set();
  const bands = [];
  for (const space of namespaces) {
    if (placed.has(space.inode)) continue;
    placed.add(space.inode);
    const columns = [];
    for (let column = [space.inode]; column.length;) {
      columns.push(column);
      const next = column.flatMap((inode) => neighboursOf(spaceOf.get(inode)));
      column = next.filter((inode) => !placed.has(inode) && placed.add(inode));
    }
    bands.push(columns);
  }
  const alone = (band) => band.length === 1 && !spaceOf.get(band[0][0]).host;
  return { wired: bands.filter((band) => !alone(band)), single: bands.filter(alone).map((band) => band[0][0]) };
}

// ---- boxes

const programName = (program) => `${program.name || "process"} (${program.pid})`;

function drawDevice(space, { device, depth }) {
  const addresses = (device.addresses || []).map((item) => item.address).filter((address) => !kUsual.includes(address));
  const line = make("li", {
    class: `device ${device.up ? "up" : "down"} depth-${Math.min(depth, 3)}`, tabindex: -1,
    data: { device: device.index, netns: space.inode, item: "device" },
  },
  make("span", { class: "title" }, make("bdi", { class: "name" }, device.name), " ",
    make("span", { class: "kind" }, device.kind || "hardware", device.up ? "" : ", down")),
  addresses.slice(0, kMostAddresses).map((address) => make("span", { class: "address digits" }, address)),
  addresses.length > kMostAddresses ? make("span", { class: "address" }, `${addresses.length - kMostAddresses} more`) : null);
  line.describe = () => describeDevice(space, device);
  ends.set(keyOf({ netns: space.inode, device: device.index }), line);
  return line;
}

function drawPrograms(space) {
  const here = wires.filter((wire) => wire.program && (wire.program_netns || wire.one.netns) === space.inode);
  const lines = new Map();
  for (const wire of here) {
    const key = programKey(wire);
    if (lines.has(key)) continue;
    const line = make("li", { class: `program${wire.program_netns ? "" : " guessed"}`, tabindex: -1,
      data: { program: wire.program.pid, item: "program" } },
    make("span", { class: "title" }, make("bdi", { class: "name" }, wire.program.name || "process"), " ",
      make("span", { class: "kind" }, `process ${wire.program.pid}`)));
    line.describe = () => describeProgram(wire);
    ends.set(key, line);
    lines.set(key, line);
  }
  return [...lines.values()];
}

function drawSpace(inode, hue) {
  const space = spaceOf.get(inode);
  const who = space.resident ? programName(space.resident) : "";
  const head = make("header", { class: "space-head", tabindex: -1, data: { item: "namespace" } },
    make("bdi", { class: "name" }, space.name || `netns ${inode}`),
    make("span", { class: "digits inode" }, `netns ${inode}`),
    who ? make("span", { class: "who" }, make("bdi", null, who)) : null);
  head.describe = () => describeSpace(space);
  const lines = [...displayed(space).map((item) => drawDevice(space, item)), ...drawPrograms(space)];
  return make("section", { class: `space hue-${hue % 6}`, data: { netns: inode, name: visible(space.name) } }, head,
    make("ul", null, lines),
    lines.length ? null : make("p", { class: "hint" }, (space.unread || [])[0] || "no devices"));
}

const ends = new Map();  // keys of wires' ends -> the line that stands for it

function drawBoxes() {
  const { wired, single } = arrange();
  let hue = 0;
  const bands = wired.map((columns) => make("div", { class: "band" }, columns.map((column) =>
    make("div", { class: "column" }, column.map((inode) => drawSpace(inode, hue++))))));
  const rest = single.length
    ? [make("h2", { class: "apart" }, "Without a wire to another"),
      make("div", { class: "singles" }, single.map((inode) => drawSpace(inode, hue++)))]
    : [];
  return [...bands, ...rest];
}

// ---- wires

const isDrawn = (wire) => wire.kind !== "port";  // a port stands inside its bridge

function endOf(wire, which) {
  if (which === "one") return ends.get(keyOf(wire.one));
  if (wire.program) return ends.get(programKey(wire));
  return wire.other && ends.get(keyOf(wire.other));
}

// Where a wire leaves a line: at the side that looks to the other end.
function anchors(from, to, origin) {
  const a = from.getBoundingClientRect();
  const b = to.getBoundingClientRect();
  const at = (box, right) => ({ x: (right ? box.right : box.left) - origin.left, y: box.top + 13 - origin.top });
  if (Math.abs(a.left - b.left) < 60) return { p: at(a, true), q: at(b, true), loop: true };
  return a.left < b.left ? { p: at(a, true), q: at(b, false) } : { p: at(a, false), q: at(b, true) };
}

function pathOf({ p, q, loop }) {
  if (loop) {
    const reach = 18 + Math.min(30, Math.abs(p.y - q.y) / 8);
    return `M${p.x} ${p.y} C${p.x + reach} ${p.y} ${q.x + reach} ${q.y} ${q.x} ${q.y}`;
  }
  const middle = (p.x + q.x) / 2;
  return `M${p.x} ${p.y} C${middle} ${p.y} ${middle} ${q.y} ${q.x} ${q.y}`;
}

// A wire whose other end cannot be seen is a stump.
function stump(from, origin) {
  const box = from.getBoundingClientRect();
  const [x, y] = [box.right - origin.left, box.top + 13 - origin.top];
  return `M${x} ${y} h22 m0 -4 v8`;
}

function drawWires(sheet, layer) {
  const origin = sheet.getBoundingClientRect();
  layer.setAttribute("width", sheet.scrollWidth);
  layer.setAttribute("height", sheet.scrollHeight);
  layer.replaceChildren(...wires.filter((wire) => isDrawn(wire) && endOf(wire, "one")).flatMap((wire) => {
    const from = endOf(wire, "one");
    const to = endOf(wire, "other");
    const route = to ? anchors(from, to, origin) : null;
    const path = svg("path");
    path.setAttribute("d", route ? pathOf(route) : stump(from, origin));
    path.setAttribute("class", `wire ${wire.kind}${to ? "" : " unseen"}`);
    path.dataset.wire = wire.kind;
    path.dataset.from = keyOf(wire.one);
    if (to) path.dataset.to = wire.program ? programKey(wire) : keyOf(wire.other);
    path.ends = [from, to];
    return [path, ...(route ? [route.p, route.q] : []).map(({ x, y }) => {
      const plug = svg("circle");
      plug.setAttribute("class", "plug");
      plug.setAttribute("cx", x);
      plug.setAttribute("cy", y);
      plug.setAttribute("r", 2.5);
      return plug;
    })];
  }));
}

// ---- the panel

const heading = (text, list) => (list && list.length ? [make("h3", null, `${text} (${list.length})`)] : []);
const lines = (items) => make("ul", null, items.map((item) => make("li", null, make("bdi", null, item))));
const section = (title, list, text) => [...heading(title, list), list && list.length ? lines(list.map(text)) : null];
const joinedText = (...parts) => parts.filter(Boolean).join(" ");

function describeDevice(space, device) {
  const peer = device.peer;
  return [
    make("h2", null, device.name),
    make("p", { class: "hint" }, `in ${space.name || space.inode}`),
    definitions([["kind", device.kind || "hardware"], ["alias", device.alias],
      ["state", joinedText(device.state, device.up ? "" : "(down)")],
      ["MTU", device.mtu], ["MAC", device.mac], ["index", device.index], ["port of", device.master],
      [device.kind === "veth" ? "peer" : "rides on", peer && joinedText(peer.name || `device ${peer.index}`, "in",
        peer.netns ? peer.namespace || `netns ${peer.netns}` : "a namespace that cannot be seen")]]),
    ...section("Addresses", device.addresses, (item) =>
      joinedText(item.address, item.scope, item.tentative && "tentative", item.deprecated && "deprecated")),
    ...section("Held by", device.holders, programName),
    ...section("Routes", (space.routes || []).filter((route) => route.device === device.name), routeText),
    ...section("Neighbours", (space.neighbours || []).filter((item) => item.device === device.name), neighbourText),
  ].filter(Boolean);
}

function describeProgram(wire) {
  return [make("h2", null, wire.program.name || "process"),
    make("p", { class: "hint" }, "plays the other end of a TUN or TAP device"),
    definitions([["pid", wire.program.pid], ["namespace", wire.program_netns ? spaceOf.get(wire.program_netns)?.name ||
      `netns ${wire.program_netns}` : "not known"]])];
}

const routeText = (route) => joinedText(
  route.type !== "unicast" && route.type, route.destination, route.gateway && `via ${route.gateway}`,
  route.device && `dev ${route.device}`, route.source && `src ${route.source}`, route.metric && `metric ${route.metric}`,
  route.table && route.table !== "main" && `table ${route.table}`);
const neighbourText = (item) => joinedText(item.address, item.mac, item.state);

function describeSpace(space) {
  const chains = (space.chains || []).flatMap((chain) => [
    make("h3", null, make("bdi", null, chain.name)),
    make("p", { class: "hint" }, joinedText(chain.type, chain.hook && `hook ${chain.hook} ${chain.priority}`, chain.device,
      chain.policy && `policy ${chain.policy}`)),
    lines([...(chain.rules || []), ...(chain.rules_left_off ? [`${chain.rules_left_off} more`] : [])]),
  ]);
  return [
    make("h2", null, space.name || `netns ${space.inode}`),
    definitions([["inode", space.inode], ["also", (space.names || []).filter((name) => name !== space.name).join(", ")],
      ["resident", space.resident && programName(space.resident)],
      ["connections", space.connections !== undefined &&
        joinedText(String(space.connections), space.most_connections && `of at most ${space.most_connections}`)]]),
    ...section("Not read", space.unread, String),
    ...section("Routes", (space.routes || []).filter((route) => route.table !== "local"), routeText),
    ...section("Policy rules", space.rules, (rule) => `${rule.priority}: ${joinedText(rule.selector, rule.action)}`),
    ...section("Listening", space.listeners, (item) =>
      joinedText(item.protocol, endpoint(item.address, item.port), (item.programs || []).map(programName).join(", "))),
    ...section("Neighbours", space.neighbours, (item) => joinedText(neighbourText(item), item.device)),
    ...section("Settings", space.sysctls, (item) => `${item.name} = ${item.value}`),
    ...chains,
    space.chains_left_off ? make("p", { class: "hint" }, `${plural(space.chains_left_off, "chain")} more`) : null,
  ].filter(Boolean);
}

// ---- the beginning

function start() {
  byId("head").append(make("h1", null, `Network namespaces of ${page.host || "this host"}`),
    ...[["kernel", page.kernel], ["namespaces", namespaces.length], ["wires", wires.length]]
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => make("span", { class: "fact" }, `${name} `, make("b", { class: "digits" }, value))),
    ...(page.unread || []).map((text) => make("span", { class: "warning" }, text)));
  const layer = svg("svg");
  layer.setAttribute("class", "wires");
  layer.setAttribute("aria-hidden", "true");
  const sheet = make("div", { class: "host-sheet" }, layer, drawBoxes());
  byId("drawing").replaceChildren(sheet);
  const redraw = () => drawWires(sheet, layer);
  redraw();
  new ResizeObserver(redraw).observe(sheet);
  addEventListener("beforeprint", redraw);
  const light = (node) => {
    const met = new Set();
    for (const path of layer.querySelectorAll(".wire")) {
      const lit = node !== null && path.ends.includes(node);
      path.classList.toggle("lit", lit);
      if (lit) for (const line of path.ends) met.add(line);
    }
    for (const line of ends.values()) line.classList.toggle("met", met.has(line));
  };
  explore({
    field: sheet, selector: "[data-item]", panel: byId("detail"),
    describe: (node) => { light(node); return node.describe(); },
    idle: () => { light(null); return describeNothing(); },
  }).reset();
  ready();
}

const describeNothing = () => [make("h2", null, "Details"), make("p", { class: "hint" },
  "Point at a device or at a namespace's name, or press Tab and go with the arrow keys. A click keeps it here.")];

start();
