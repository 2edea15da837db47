// The form in which an episode is chosen.

import { useColours } from "./board.js";

const $ = (id) => document.getElementById(id);
let scenarios = [];

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
  if (first && scenarios.some((one) => one.name === "mutual_aid_v0")) {
    $("scenario").value = "mutual_aid_v0";
  }
  fill("agent", message.agents.map((name) => [name, name]));
  fill("record", message.records.length ? message.records.map((name) => [name, name])
    : [["", "none yet"]]);
  fillSeats();
}

function fillSeats() {
  const chosen = scenarios.find((one) => one.name === $("scenario").value);
  const before = $("seat").value;
  $("seat").replaceChildren(...(chosen ? chosen.seats : []).map((name, i) => new Option(name, i)));
  if (before && Number(before) < $("seat").length) $("seat").value = before;
}

export function offerRecord(name) {
  if (!$("record").value) $("record").replaceChildren();
  $("record").prepend(new Option(name, name));
  $("record").value = name;
}

function showSeat() {
  const plays = new FormData($("setup")).get("mode") === "play";
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
  $("scenario").addEventListener("change", fillSeats);
  $("open").addEventListener("click", () => {
    if ($("record").value) prepare(send({ type: "open", record: $("record").value }));
  });
  showSeat();
}
