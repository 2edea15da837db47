// The form in which an episode is chosen.

import { useColours } from "./board.js";

const $ = (id) => document.getElementById(id);
let scenarios = [];
let wanted = null; // the agent that was chosen by hand, if any

// The first episode of a world of new sizes takes a while, for its rules are compiled.
export function prepare(busy, off = false) {
  $("begin").disabled = $("open").disabled = busy || off;
  $("begin").textContent = busy ? "Preparing" : "Begin";
}

// Fills the form with what the server offers.
export function offer(message) {
  useColours(message.colours);
  const fill = (id, entries) => {
    const before = $(id).value;
    $(id).replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
    if (entries.some(([value]) => value === before)) $(id).value = before;
  };
  const first = !scenarios.length;
  scenarios = message.scenarios;
  fill("scenario", scenarios.map((one) => [one.name, one.name.replaceAll("_", " ")]));
  if (first) $("scenario").value = message.first;
  fill("record", message.records.length ? message.records.map((name) => [name, name])
    : [["", "none yet"]]);
  fillFitting();
}

// Offers the seats of the chosen scenario, and the agents that can act in it.
function fillFitting() {
  const chosen = scenarios.find((one) => one.name === $("scenario").value);
  if (!chosen) return;
  const before = $("seat").value;
  $("agent").replaceChildren(...chosen.agents.map((name) => new Option(name, name)));
  $("agent").value = chosen.agents.includes(wanted) ? wanted : chosen.agents[0];
  $("seat").replaceChildren(...chosen.seats.map((name, i) => new Option(name, i)));
  if (before && Number(before) < $("seat").length) $("seat").value = before;
}

export function offerRecord(name) {
  if (!$("record").value) $("record").replaceChildren();
  $("record").prepend(new Option(name, name));
  $("record").value = name;
}

function showSeat() {
  const plays = new FormData($("setup")).get("mode") === "play";
  $("agent-label").textContent = plays ? "Other agents" : "Agents";
  document.querySelector("#setup .seat").hidden = !plays;
}

// `send` takes a message, and returns whether it went out.
export function connectForm(send) {
  $("setup").addEventListener("submit", (event) => {
    event.preventDefault();
    const plays = new FormData($("setup")).get("mode") === "play";
    const message = {
      type: "start", scenario: $("scenario").value, agent: $("agent").value,
      seed: Number($("seed").value), world: Number($("world").value),
    };
    if (plays) message.seat = Number($("seat").value);
    prepare(send(message));
  });
  $("setup").addEventListener("change", showSeat);
  $("scenario").addEventListener("change", fillFitting);
  $("agent").addEventListener("change", () => { wanted = $("agent").value; });
  $("open").addEventListener("click", () => {
    if ($("record").value) prepare(send({ type: "open", record: $("record").value }));
  });
  showSeat();
}
