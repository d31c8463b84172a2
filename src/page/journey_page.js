// journey_page.js - draws the chosen journey and its answer: a column for each namespace in the order of the way, a box for each
// stay at a device, in it a line for each point, arrows between boxes with the time that the way took. README.md has the
// attributes that tests rely on. The document holds one drawing and the visible part of the list, whatever the number of events.
"use strict";

const kRow = 58;       // pixels of one line of the list; journey_page.css has the same
const kAtOnce = 300;   // points drawn before "more"
const kMostAnswers = 20;
const kPoints = {
  tap_in: "from TAP", tap_out: "to TAP", engine: "engine", host_socket: "host socket", ingress: "ingress",
  prerouting: "prerouting", after_dnat: "after DNAT", input: "input", forward: "forward", output: "output",
  postrouting: "postrouting", after_snat: "after SNAT", egress: "egress", transmit: "transmit", rule: "rule", drop: "dropped",
};
const kEnds = {
  delivered: "delivered", dropped: "dropped", to_host_socket: "to host socket", unknown: "end not seen",
};

const page = readData();
const byId = (id) => document.getElementById(id);

// ---- journeys: a request and its answers are one entry of the list

const isThere = (index) => page.journeys[index]?.hops.length > 0;
const isAnswer = (journey, index) => journey.answers !== index && isThere(journey.answers);
const entries = page.journeys.flatMap((journey, index) =>
  (isThere(index) && !isAnswer(journey, index) ? [{ request: index, answers: [] }] : []));
const entryOf = new Map(entries.map((entry) => [entry.request, entry]));
page.journeys.forEach((journey, index) => {
  if (!isThere(index) || !isAnswer(journey, index)) return;
  const entry = entryOf.get(journey.answers);
  if (entry) entry.answers.push(index);
  else entries.push({ request: index, answers: [] });  // an answer to an answer stands for itself
});
entries.sort((a, b) => a.request - b.request);
const journeysOf = (entry) => [entry.request, ...entry.answers].map((index) => page.journeys[index]);

const packetOf = (journey) => journey.hops.find((hop) => hop.event.packet)?.event.packet;

function ends(packet) {
  if (!packet) return ["?", "?"];
  return [endpoint(packet.source, packet.source_port), endpoint(packet.destination, packet.destination_port)];
}

const transport = (journey) => journey.hops.find((hop) => hop.transport)?.transport || "no IP packet";

// ---- the list: only what can be seen of it is there

const list = { shown: entries, chosen: null, rows: make("div", { class: "rows", role: "presentation" }) };

function words(entry) {
  if (entry.words === undefined) {
    entry.words = journeysOf(entry).map((journey) => JSON.stringify(journey.hops)).join(" ").toLowerCase();
  }
  return entry.words;
}

function search() {
  const wanted = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const end = byId("end").value;
  list.shown = entries.filter((entry) =>
    (!end || journeysOf(entry).some((journey) => journey.end === end)) && wanted.every((word) => words(entry).includes(word)));
  const all = plural(entries.length, "journey");
  byId("count").textContent = list.shown.length === entries.length ? all : `${list.shown.length} of ${all}`;
  byId("list").scrollTop = 0;
  drawList();
}

function drawRow(entry, at) {
  const request = page.journeys[entry.request];
  const [source, destination] = ends(packetOf(request));
  const hops = journeysOf(entry).reduce((sum, journey) => sum + journey.hops.length, 0);
  const worst = journeysOf(entry).find((journey) => journey.end === "dropped") || request;
  const row = make("div", {
    class: `row ${worst.end}`, role: "option", id: `entry-${entry.request}`, "aria-selected": String(entry === list.chosen),
    "aria-setsize": list.shown.length, "aria-posinset": at + 1, data: { entry: entry.request },
  },
  make("p", { class: "who digits" }, make("span", null, make("bdi", null, source), " → ", make("bdi", null, destination)),
    make("span", { class: "since" }, duration(request.hops[0].at_ns))),
  make("p", { class: "what" },
    make("span", { class: "end", title: kEnds[worst.end] || worst.end }, worst.end === "dropped" ? "dropped" : ""),
    make("span", { class: "transport" }, transport(request)),
    make("span", { class: "size digits" }, entry.answers.length ? `${hops} ⇄` : `${hops}`)));
  row.style.top = `${at * kRow}px`;
  return row;
}

function drawList() {
  const box = byId("list");
  const from = Math.max(0, Math.floor(box.scrollTop / kRow) - 3);
  const to = Math.min(list.shown.length, from + Math.ceil(box.clientHeight / kRow) + 7);
  list.rows.style.height = `${list.shown.length * kRow}px`;
  list.rows.replaceChildren(...list.shown.slice(from, to).map((entry, at) => drawRow(entry, from + at)));
  if (list.chosen && byId(`entry-${list.chosen.request}`)) {
    box.setAttribute("aria-activedescendant", `entry-${list.chosen.request}`);
  } else {
    box.removeAttribute("aria-activedescendant");
  }
}

function choose(entry) {
  if (!entry) return;
  list.chosen = entry;
  const box = byId("list");
  const top = list.shown.indexOf(entry) * kRow;
  if (top >= 0 && (top < box.scrollTop || top + kRow > box.scrollTop + box.clientHeight)) {
    box.scrollTop = top - box.clientHeight / 2 + kRow;
  }
  drawList();
  draw(entry);
  try {
    history.replaceState(null, "", `#journey=${entry.request}`);
  } catch {
    // A page shown inside another may have no address of its own.
  }
}

function startList() {
  const box = byId("list");
  box.append(list.rows);
  box.addEventListener("scroll", drawList, { passive: true });
  addEventListener("resize", drawList);
  box.addEventListener("click", (event) => {
    const row = event.target.closest("[data-entry]");
    if (row) choose(entries.find((entry) => entry.request === Number(row.dataset.entry)));
  });
  box.addEventListener("keydown", (event) => {
    const rows = Math.max(1, Math.floor(box.clientHeight / kRow) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: rows, PageUp: -rows, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const at = list.shown.indexOf(list.chosen) + steps[event.key];
    choose(list.shown[Math.min(Math.max(at, 0), list.shown.length - 1)]);
  });
  byId("search").addEventListener("input", search);
  byId("end").addEventListener("change", search);
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    event.preventDefault();
    byId("search").focus();
  });
}

// ---- lanes and stays

// Our own stack; but a TAP is a device of the namespace that it serves, whoever saw the packet there.
const isOurs = (event) => event.observer === "relay" && !(event.point.startsWith("tap_") && event.device?.name);

function laneName(event) {
  const network = event.netns || {};
  if (network.name) return network.name;
  if (network.inode) return `netns ${network.inode}`;
  return isOurs(event) ? "postern" : "namespace not known";
}

// A namespace is its inode where that is known, for two may bear one name; and its name where it is not.
function lanesOf(journeys) {
  const lanes = [];
  for (const { hops } of journeys) {
    for (const { event } of hops) {
      const inode = event.netns?.inode;
      const name = laneName(event);
      const known = lanes.find((lane) => (inode ? lane.inode === inode : lane.name === name));
      if (!known) lanes.push({ inode, name });
      else if (event.netns?.name) known.name = name;
    }
  }
  return lanes;
}

const laneOf = (lanes, event) =>
  lanes.findIndex((lane) => (event.netns?.inode ? lane.inode === event.netns.inode : lane.name === laneName(event)));

// Points that follow one another at one device of one namespace are one stay. What names no device (a rule, a drop) happened
// where the packet was.
function staysOf(journey, lanes, most) {
  const stays = [];
  journey.hops.slice(0, most).forEach((hop, order) => {
    const { event } = hop;
    const lane = laneOf(lanes, event);
    const device = event.device?.name || (event.device?.index ? `device ${event.device.index}` : "");
    const last = stays.at(-1);
    const ours = isOurs(event);
    const stays_on = last && last.lane === lane && last.ours === ours &&
      (ours || device === last.device || (!device && (event.rule || event.drop)));
    if (!stays_on) stays.push({ lane, ours, device: ours ? "" : device, kind: event.device?.kind, hops: [] });
    stays.at(-1).hops.push({ hop, order });
    if (!stays.at(-1).kind && event.device?.kind && !ours) stays.at(-1).kind = event.device.kind;
  });
  return stays;
}

// ---- what stands in a line

const changed = ({ translation }) =>
  [translation?.source && "source", translation?.destination && "destination"].filter(Boolean);

function drawTranslation(hop) {
  const sides = changed(hop);
  if (!sides.length) return null;
  const lines = sides.map((side) => {
    const { before, after } = hop.translation[side];
    return make("span", { class: "digits" }, make("span", { class: "side" }, side === "source" ? "source " : "destination "),
      make("bdi", { class: "before" }, endpoint(before.address, before.port)), " ",
      make("span", { class: "becomes" }, "→ ", make("bdi", { class: "after" }, endpoint(after.address, after.port))));
  });
  return make("span", { class: "nat", data: { nat: sides.join(" ") } }, make("b", null, "NAT"), ...lines);
}

function note(event) {
  if (event.drop) return [event.drop.reason, event.drop.where && `in ${event.drop.where}`].filter(Boolean).join(" ");
  if (event.rule) return event.rule.verdict || "";
  if (event.engine) return event.engine;
  if (event.point === "host_socket" && event.device?.name) return event.device.name;
  if (event.process && !event.process.bystander) return event.process.name || `pid ${event.process.pid}`;
  return "";
}

function drawRule(rule) {
  if (!rule) return null;
  return make("span", { class: "rule-text digits" }, make("bdi", { class: "chain" }, rule.chain),
    make("bdi", null, rule.text || "policy of the chain"));
}

function drawMapping(mapping) {
  if (!mapping) return null;
  const [local, remote] = [mapping.local, mapping.remote].map((end) => make("bdi", null, endpoint(end.address, end.port)));
  return make("span", { class: "mapping digits" }, local, " ⇄ ", remote);
}

function drawHop({ hop, order }, stay, number) {
  const { event } = hop;
  const line = make("li", {
    class: "hop", tabindex: -1,
    data: { hop: number, order, point: event.point, inLane: stay.lane, drop: event.drop && (event.drop.reason || "unknown") },
  },
  drawTranslation(hop),
  make("span", { class: "line" },
    make("span", { class: "point" }, kPoints[event.point] || event.point),
    note(event) ? make("span", { class: "note" }, make("bdi", null, note(event))) : null,
    make("span", { class: "took digits" }, hop.since_previous_ns ? `+${duration(hop.since_previous_ns)}` : "")),
  drawRule(event.rule), drawMapping(event.mapping));
  line.hop = hop;
  return line;
}

// `came`: the stay before.
function drawStay(stay, number, came) {
  const title = stay.ours ? "Postern" : stay.device || "network stack";
  const kind = stay.ours ? "user-mode stack" : stay.kind || "";
  const box = make("section", { class: `stay${stay.ours ? " ours" : ""}${stay.device || stay.ours ? "" : " deviceless"}`,
    data: { device: title, inLane: stay.lane } },
  make("h3", null, make("bdi", { class: "device" }, title), " ", make("span", { class: "kind" }, kind)),
  make("ol", null, stay.hops.map((item) => drawHop(item, stay, number))));
  box.classList.add(`hue-${stay.lane % 6}`);
  if (came && came.lane !== stay.lane) box.classList.add("across");  // the arrow tells the time
  box.style.gridColumn = String(stay.lane + 2);
  return box;
}

// The way from one box to the next, with the time that it took.
function drawWay(from, to) {
  const took = to.hops[0].hop.since_previous_ns;
  const left = Math.min(from.lane, to.lane);
  const span = Math.abs(from.lane - to.lane) + 1;
  const turn = span === 1 ? "straight" : from.lane < to.lane ? "onward" : "back";
  const way = make("div", { class: `way ${turn}`, data: { way: `${from.lane}-${to.lane}` } },
    make("span", { class: "label digits" }, took && span > 1 ? duration(took) : ""), make("i", { class: "tip" }));
  way.style.gridColumn = `${left + 2} / span ${span}`;
  way.style.setProperty("--span", span);
  return way;
}

function drawJourney(journey, number, lanes, most) {
  const stays = staysOf(journey, lanes, most);
  const began = page.journeys[list.chosen.request].hops[0].at_ns;
  const rows = stays.flatMap((stay, at) => [
    at ? make("div", { class: "line-of-way" }, drawWay(stays[at - 1], stay)) : null,
    make("div", { class: "line-of-stay" },
      make("span", { class: "when digits" }, duration(Math.max(0, stay.hops[0].hop.at_ns - began))),
      drawStay(stay, number, stays[at - 1])),
  ]);
  return rows.filter(Boolean);
}

// ---- the drawing

// Where the time went: each way and stay as wide as it was long, in the colour of the lane it led to.
function drawShares(journey, lanes) {
  const parts = [];
  for (const { event, since_previous_ns: took } of journey.hops) {
    const lane = laneOf(lanes, event);
    if (!parts.length || parts.at(-1).lane !== lane) parts.push({ lane, took: 0 });
    parts.at(-1).took += took;
  }
  const total = parts.reduce((sum, part) => sum + part.took, 0);
  if (!total || parts.length < 2 || parts.length > 60) return null;
  return make("div", { class: "shares", role: "img", "aria-label": "Share of the time by namespace" }, parts.map((part) => {
    const share = make("span", { class: `share hue-${part.lane % 6}`, title: `${lanes[part.lane].name}: ${duration(part.took)}` },
      part.took / total > 0.12 ? `${lanes[part.lane].name} ${duration(part.took)}` : "");
    share.style.flexGrow = String(part.took);
    return share;
  }));
}

function drawPart(number, title, lanes) {
  const journey = page.journeys[number];
  const [source, destination] = ends(packetOf(journey));
  const part = make("section", { class: "part", data: { journey: number, part: title.toLowerCase() } });
  const last = journey.hops.at(-1).event;
  const end = make("span", { class: `verdict ${journey.end}`, data: { end: journey.end } }, kEnds[journey.end] || journey.end,
    journey.end === "dropped" && last.drop ? `: ${last.drop.reason}` : "");
  const head = make("header", { class: "part-head" },
    make("h2", null, make("span", { class: "role" }, title), " ", make("bdi", { class: "digits" }, source), " → ",
      make("bdi", { class: "digits" }, destination)),
    make("p", null, make("span", { class: "digits" }, transport(journey)), end,
      make("span", { class: "fact" }, `${plural(journey.hops.length, "point")} in ${duration(journey.duration_ns)}`)),
    drawShares(journey, lanes));
  const body = make("div", { class: "body" });
  const fill = (most) => {
    body.replaceChildren(...drawJourney(journey, number, lanes, most));
    if (journey.hops.length <= most) return;
    const more = make("button", { class: "more", type: "button" }, `${journey.hops.length - most} more points`);
    more.addEventListener("click", () => fill(most + kAtOnce));
    body.append(more);
  };
  fill(kAtOnce);
  part.append(head, body);
  return part;
}

function draw(entry) {
  const journeys = journeysOf(entry);
  const lanes = lanesOf(journeys.slice(0, 1 + kMostAnswers));
  const sheet = make("div", { class: "sheet" });
  sheet.style.setProperty("--lanes", lanes.length);
  const heads = lanes.map((lane, at) => make("div", {
    class: `lane-head hue-${at % 6}`, data: { lane: at, laneName: visible(lane.name), inode: lane.inode } },
  make("bdi", { class: "name" }, lane.name),
  make("span", { class: "inode digits" }, lane.inode && lane.name !== `netns ${lane.inode}` ? `netns ${lane.inode}` : "")));
  const columns = lanes.map((_, at) => make("div", { class: `lane hue-${at % 6}` }));
  for (const cells of [heads, columns]) cells.forEach((cell, at) => { cell.style.gridColumn = String(at + 2); });
  const answers = entry.answers.slice(0, kMostAnswers).map((number) => drawPart(number, "Answer", lanes));
  const left = entry.answers.length - answers.length;
  if (left > 0) answers.push(make("p", { class: "nothing" }, `${plural(left, "more answer")} not drawn`));
  sheet.append(make("div", { class: "columns", "aria-hidden": "true" }, columns), make("div", { class: "heads" }, heads),
    drawPart(entry.request, answers.length ? "Request" : "Journey", lanes), ...answers);
  byId("drawing").replaceChildren(sheet);
  byId("drawing").scrollTo(0, 0);
  explorer.reset();
}

// ---- the panel

const yesNo = (value, word) => (value ? word : "");

function describePacket(packet) {
  if (!packet) return null;
  const tcp = packet.tcp || {};
  const icmp = packet.icmp || {};
  return [make("h3", null, "Packet"), definitions([
    ["from", endpoint(packet.source, packet.source_port)],
    ["to", endpoint(packet.destination, packet.destination_port)],
    ["protocol", packet.protocol],
    ["icmp", packet.icmp && `type ${icmp.type} code ${icmp.code}`],
    ["id, seq", packet.icmp && icmp.id !== undefined && `${icmp.id}, ${icmp.sequence}`],
    ["flags", tcp.flags], ["seq", tcp.sequence], ["ack", tcp.acknowledgment],
    ["ip id", packet.ip_id], ["hop limit", packet.hop_limit], ["bytes", packet.bytes],
    ["fragment at", packet.fragment_offset || ""],
  ])];
}

function describe(node) {
  const { event, since_previous_ns: since, at_ns: at } = node.hop;
  const { drop, rule, mapping, conntrack, process } = event;
  return [
    make("h2", null, `${Number(node.dataset.order) + 1}. ${kPoints[event.point] || event.point}`),
    make("p", { class: "hint" }, `seen by ${(event.observer || "?").replaceAll("_", " ")}`),
    drop && [make("h3", null, "Dropped"), definitions([["reason", drop.reason], ["where", drop.where]])],
    rule && [make("h3", null, "Rule"), definitions([["chain", rule.chain], ["hook", rule.hook],
      ["rule", rule.text || "policy of the chain"],
      ["verdict", rule.verdict], ["handle", rule.handle]])],
    changed(node.hop).length ? [make("h3", null, "Translated"), definitions(changed(node.hop).flatMap((side) => {
      const { before, after } = node.hop.translation[side];
      return [[side, endpoint(before.address, before.port)], ["becomes", endpoint(after.address, after.port)]];
    }))] : null,
    mapping && [make("h3", null, "Socket of the host"), definitions([
      ["local", endpoint(mapping.local.address, mapping.local.port)],
      ["remote", endpoint(mapping.remote.address, mapping.remote.port)]])],
    make("h3", null, "When"),
    definitions([["since start", duration(at)], ["this hop", since ? duration(since) : ""],
      ["clock", event.clock === "arrival" ? "when the observer was told" : "exact"]]),
    make("h3", null, "Where"),
    definitions([["namespace", laneName(event)], ["inode", event.netns?.inode], ["device", event.device?.name],
      ["index", event.device?.index], ["kind", event.device?.kind], ["MAC from", event.macs?.source],
      ["MAC to", event.macs?.destination], ["ethertype", event.ethertype && `0x${event.ethertype.toString(16).padStart(4, "0")}`],
      ["engine", event.engine]]),
    describePacket(event.packet),
    conntrack && [make("h3", null, "Connection"), definitions([["state", conntrack.state], ["identity", conntrack.identity],
      ["translated", [yesNo(conntrack.snat, "source"), yesNo(conntrack.dnat, "destination")].filter(Boolean).join(", ")]])],
    process && [make("h3", null, process.bystander ? "On the processor by chance" : "Process"),
      definitions([["name", process.name], ["pid", process.pid]])],
  ].flat(2).filter(Boolean);
}

const explorer = explore({
  field: byId("drawing"), selector: "[data-hop]", panel: byId("detail"), describe,
  idle: () => [make("h2", null, "Details"),
    make("p", { class: "hint" },
      "Point at a line of the drawing, or press Tab and go with the arrow keys. A click keeps it here.")],
});

// ---- the beginning

function start() {
  const events = page.journeys.reduce((sum, journey) => sum + journey.hops.length, 0);
  byId("head").append(make("h1", null, page.title || document.title),
    ...[page.filter && ["filter", page.filter], page.recorded && ["recorded", page.recorded], ["events", events],
      page.version && ["postern", page.version]].filter(Boolean).map(([name, value]) =>
      make("span", { class: "fact" }, `${name} `, make("b", { class: "digits" }, make("bdi", null, value)))));
  if (page.lost) byId("head").append(make("span", { class: "warning" }, `${plural(page.lost, "event")} lost`));
  startList();
  search();
  const asked = Number(/^#journey=(\d+)$/.exec(location.hash)?.[1] ?? NaN);
  const entry = entries.find((item) => item.request === asked || item.answers.includes(asked)) || entries[0];
  if (entry) choose(entry);
  else byId("drawing").append(make("p", { class: "nothing" }, "Nothing was seen."));
  ready();
}
start();
