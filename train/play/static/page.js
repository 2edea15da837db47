// The page: what is chosen, what is shown, and what keys and clicks do.

import { drawBoard, isPerson } from "./board.js";
import { Connection } from "./connection.js";
import { explainKeys, singleKeysAct } from "./keys.js";
import { drawCurve, drawPanels } from "./panels.js";
import { connectForm, offer, offerRecord, prepare } from "./setup.js";
import { alertText, log, say } from "./voice.js";
import { description, events, fullNameOf } from "./words.js";

const $ = (id) => document.getElementById(id);
const ACTIONS = ["stay", "north", "south", "west", "east", "use", "thank", "offer"];
const HELP = 7;
const MOVES = { ArrowUp: 1, w: 1, ArrowDown: 2, s: 2, ArrowLeft: 3, a: 3, ArrowRight: 4, d: 4 };
const PLAY_KEYS = { ...MOVES, " ": 0, u: 5, t: 6, o: 7 };
const TOGGLES = { n: "needs", b: "beliefs", r: "trust" };
const SIGNS = { stay: "\u2022", north: "\u2191", south: "\u2193", west: "\u2190", east: "\u2192" };

const state = {
  about: null, // what the server has said of this episode
  scenes: [], // what was seen, from the first moment on
  at: null, // the moment that is shown, null for the latest
  running: false,
  waiting: false, // whether an action is on its way
  ended: null,
};
const connection = new Connection(receive, (name) => {
  $("connection").textContent = {
    connected: "connected", reconnecting: "connection lost, trying again",
    refused: "not connected; open the link that the terminal shows",
  }[name];
  $("connection").classList.toggle("off", name !== "connected");
  state.waiting = false;
  state.running = false; // the server stops the clock when a connection is lost
  prepare(false, name !== "connected");
  draw();
});
connection.session = sessionStorage.getItem("session");
connection.have = () => state.scenes.length;
// For tests, and for whoever is curious.
window.empathyLoop = { state, connection };

// Messages

function receive(message) {
  const handlers = { hello: offer, begun, scenes, pace, ended, truth, refused, taken };
  if (message.type in handlers) handlers[message.type](message);
}

// Also kept for this tab when it is loaded anew.
function keepSession(id) {
  connection.session = id;
  if (id) sessionStorage.setItem("session", id);
  else sessionStorage.removeItem("session");
}

function begun(message) {
  prepare(false);
  Object.assign(state, { about: message, scenes: [], at: null, running: false, waiting: false, ended: null });
  keepSession(message.session);
  const plays = message.seat !== null;
  document.body.classList.toggle("play", plays);
  $("stage").hidden = false;
  $("reveal").hidden = true;
  offerToggles(!plays);
  $("log").replaceChildren();
  if (window.matchMedia("(max-width: 48rem)").matches) $("choose").open = false;
  if (plays) makeActions();
  tell(plays ? `You are ${message.names[message.seat]}. Press L to hear where you are.` : "The episode begins.");
  $("board").focus({ preventScroll: true });
}

// What is hidden cannot be switched on.
function offerToggles(isOpen) {
  for (const name of Object.values(TOGGLES)) {
    const exists = name !== "trust" || state.about.names.some((_, i) => isPerson(i, state.about));
    $(`show-${name}`).closest("label").hidden = !isOpen || !exists;
  }
}

function scenes(message) {
  const first = state.scenes.length;
  state.scenes.push(...message.scenes);
  state.waiting = false;
  const news = [];
  for (let n = Math.max(first, state.scenes.length - 3); n < state.scenes.length; n += 1) {
    for (const text of events(state.scenes[n], state.scenes[n - 1], state.about)) {
      log(state.scenes[n].t, text);
      news.push(text);
    }
  }
  if (news.length) say(news.join(" "), state.running ? 1500 : 150);
  draw();
}

function pace(message) {
  state.running = message.running;
  draw();
}

function ended(message) {
  state.ended = message;
  state.running = false;
  $("reveal").hidden = state.about.seat === null;
  const kept = message.problem || (message.record ? `Recorded as ${message.record}.` : "");
  tell(`The episode is over: welfare ${message.welfare.toFixed(2)}. ${kept}`);
  if (message.record) offerRecord(message.record);
  draw();
}

function truth(message) {
  state.scenes = message.scenes;
  state.at = 0;
  $("reveal").hidden = true;
  offerToggles(true);
  tell("What was hidden is shown; go through the moments.");
  draw();
}

function refused(message) {
  prepare(false);
  state.waiting = false;
  if (connection.session && message.reason.includes("expired")) keepSession(null);
  alertText(message.reason);
}

function taken(message) {
  keepSession(null);
  state.running = false;
  alertText(message.reason);
  draw();
}

function tell(text) {
  log(state.scenes.length ? state.scenes.at(-1).t : 0, text);
  say(text);
}

// Drawing

const shown = () => (state.at === null ? state.scenes.length - 1 : state.at);

const toggled = () =>
  Object.fromEntries(Object.values(TOGGLES).map((name) => [name, $(`show-${name}`).checked]));

function draw() {
  if (!state.scenes.length) return;
  const n = shown(), scene = state.scenes[n], about = state.about;
  const show = toggled();
  $("step").textContent = `step ${scene.t} of ${about.horizon}`;
  $("shift").hidden = !scene.shift;
  $("shift").textContent = scene.shift ? `shift: ${scene.shift.replaceAll("_", " ")}` : "";
  $("score").textContent = scene.welfare === null ? "" : `welfare ${scene.welfare.toFixed(2)}`;
  drawBoard($("board"), scene, about, show);
  $("board").setAttribute("aria-label", `Board, ${about.grid} by ${about.grid}; keys act here`);
  $("look").textContent = description(scene, about, show);
  drawPanels($("panels"), scene, about, show);
  drawCurve($("curve"), $("curve-caption"), state.scenes, n, about, show);
  const over = Boolean(state.ended) || state.scenes.length > about.horizon;
  $("scrub").max = state.scenes.length - 1;
  $("scrub").value = n;
  $("scrub").setAttribute("aria-valuetext", `step ${scene.t}`);
  $("live").hidden = state.at === null || over;
  $("run").disabled = $("next").disabled = over;
  $("run").setAttribute("aria-pressed", String(state.running));
  $("run").textContent = state.running ? "Pause" : about.seat === null ? "Run" : "Let time run";
  for (const button of $("actions").querySelectorAll("button")) {
    button.disabled = over || !state.scenes.at(-1).mask
      || !state.scenes.at(-1).mask[Number(button.dataset.action)];
  }
}

function makeActions() {
  const about = state.about;
  const button = (action, text, label, className) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.dataset.action = action;
    made.className = className || "";
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => act(action));
    return made;
  };
  const others = document.createElement("div");
  others.className = "others";
  const count = about.names.length;
  for (let d = 1; d < count; d += 1) {
    const name = fullNameOf((about.seat + d) % count, about);
    others.append(button(HELP + d, `Help ${name}`, `help ${name}`));
  }
  for (const action of about.offers ? [5, 6, 7] : [5, 6]) {
    const name = ACTIONS[action];
    others.append(button(action, name[0].toUpperCase() + name.slice(1),
      { use: "use on yourself", thank: "thank who helped last", offer: "offer help" }[name]));
  }
  const moves = [0, 1, 2, 3, 4].map((action) =>
    button(action, SIGNS[ACTIONS[action]], ACTIONS[action], ACTIONS[action]));
  $("actions").replaceChildren(...moves, others);
}

// Acting

function act(action) {
  if (state.about === null || state.about.seat === null || state.ended || state.waiting) return;
  state.at = null;
  const now = state.scenes.at(-1);
  if (!now.mask || !now.mask[action]) {
    alertText(action > HELP ? "You cannot help now: carry an item, and be near." : "That cannot be done now.");
    draw();
    return;
  }
  state.waiting = connection.send({ type: "act", t: now.t, action });
}

function helpAction(j) {
  const { seat, names } = state.about;
  return HELP + ((j - seat + names.length) % names.length);
}

function setPace(running) {
  state.at = running ? null : state.at;
  connection.send({ type: "pace", running, speed: speed() });
}

const speed = () => Math.min(30, 2 ** Number($("speed").value));

function step() {
  state.at = null;
  if (!state.waiting) state.waiting = connection.send({ type: "step", t: state.scenes.at(-1).t });
}

function scrub(n) {
  if (state.running) setPace(false);
  state.at = Math.min(Math.max(n, 0), state.scenes.length - 1);
  if (state.at === state.scenes.length - 1) state.at = null;
  draw();
}

$("run").addEventListener("click", () => setPace(!state.running));
$("next").addEventListener("click", step);
$("live").addEventListener("click", () => { state.at = null; draw(); });
$("reveal").addEventListener("click", () => connection.send({ type: "review" }));
$("scrub").addEventListener("input", () => scrub(Number($("scrub").value)));
$("speed").addEventListener("input", () => {
  $("speed-shown").textContent = `${Number(speed().toFixed(1))}/s`;
  if (state.running) setPace(true);
});
for (const name of Object.values(TOGGLES)) $(`show-${name}`).addEventListener("change", draw);
new ResizeObserver(draw).observe($("board"));

$("board").addEventListener("click", (event) => {
  if (!state.about || state.about.seat === null || !state.scenes.length) return;
  const { grid, seat } = state.about, now = state.scenes.at(-1), own = now.agents[seat].at;
  const cell = $("board").clientWidth / grid;
  const row = Math.floor(event.offsetY / cell), column = Math.floor(event.offsetX / cell);
  const who = now.agents.findIndex((one) => one.at && one.at[0] === row && one.at[1] === column);
  if (who === seat) act(now.mask[5] ? 5 : 0);
  else if (who >= 0) act(helpAction(who));
  else if (Math.abs(row - own[0]) >= Math.abs(column - own[1])) act(row > own[0] ? 2 : 1);
  else act(column > own[1] ? 4 : 3);
});

document.addEventListener("keydown", (event) => {
  if (!state.about || event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (on.matches("input[type=number], select, input[type=range], input[type=radio]")) return;
  if (on.matches("button, summary, input[type=checkbox]") && (key === " " || key === "Enter")) return;
  if (key.length === 1 && key !== " " && !singleKeysAct()) return;
  if (pressed(key)) event.preventDefault();
});

function pressed(key) {
  const plays = state.about.seat !== null && !state.ended;
  if (key in TOGGLES) {
    const box = $(`show-${TOGGLES[key]}`);
    if (box.closest("label").hidden) return false;
    box.checked = !box.checked;
    draw();
  } else if (key === "l") {
    say(description(state.scenes[shown()], state.about, toggled()));
  } else if (key === "[" || (!plays && key === "ArrowLeft")) scrub(shown() - 1);
  else if (key === "]" || (!plays && key === "ArrowRight" && state.at !== null)) scrub(shown() + 1);
  else if (key === "p") setPace(!state.running);
  else if (!plays && key === " ") setPace(!state.running);
  else if (!plays && (key === "." || key === "ArrowRight")) step();
  else if (plays && key in PLAY_KEYS) act(PLAY_KEYS[key]);
  else if (plays && /^[0-9]$/.test(key) && Number(key) < state.about.names.length
    && Number(key) !== state.about.seat) act(helpAction(Number(key)));
  else return false;
  return true;
}

explainKeys();
connectForm((message) => connection.send(message));
