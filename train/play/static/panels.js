// The panel of each agent, its bars, and the curve of drives.

import { agent, colourOf, fresh, isPerson, letterOf, marker, TRUST } from "./board.js";
import { carrying, driveOf, fullNameOf, nameOf, percent, showing } from "./words.js";

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function bar(colour, level, truth) {
  const cell = element("td"), box = element("div", undefined, truth === undefined ? "bar" : "bar believed");
  const fill = element("i");
  fill.style.width = `${Math.min(Math.max(level, 0), 1) * 100}%`;
  fill.style.background = colour;
  if (!level) fill.className = "empty";
  box.append(fill);
  if (truth) {
    const line = element("b");
    line.style.left = `${truth * 100}%`;
    box.append(line);
  }
  cell.append(box, element("span", percent(level), "unseen"));
  return cell;
}

function row(name, levels, truth) {
  const made = element("tr"), head = element("th", name);
  head.scope = "row";
  made.append(head, ...levels.map((level, kind) => bar(colourOf(kind), level, truth && truth[kind])));
  return made;
}

function tableOf(scene, j, about, show) {
  const one = scene.agents[j], rows = [];
  const truth = one.need && (show.needs || j === about.seat) ? one.need : null;
  if (truth) rows.push(row(j === about.seat ? "your needs" : "true needs", truth));
  if (show.beliefs) {
    scene.agents.forEach((other, i) => {
      if (other.belief && i !== j) {
        rows.push(row(`${about.names[i]} believes`, other.belief[j], truth || undefined));
        if (!truth) rows.at(-1).querySelectorAll(".bar").forEach((box) => box.classList.add("believed"));
      }
    });
  }
  if (!rows.length) return null;
  const table = element("table"), head = element("thead"), line = element("tr");
  line.append(element("td"));
  for (let kind = 0; kind < about.kinds; kind += 1) {
    const cell = element("th"), sign = element("canvas");
    cell.scope = "col";
    sign.dataset.kind = kind;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", `need ${letterOf(kind)}`);
    cell.append(sign);
    line.append(cell);
  }
  head.append(line);
  const body = element("tbody");
  body.append(...rows);
  table.append(head, body);
  return table;
}

// How much a person trusts each AI.
function trustOf(levels, about) {
  const table = element("table", undefined, "trust"), body = element("tbody");
  for (const [i, level] of Object.entries(levels)) {
    const line = row(`trust in ${about.names[i]}`, []), cell = bar(TRUST, level);
    cell.lastChild.className = "";
    line.append(cell);
    body.append(line);
  }
  table.append(body);
  return table;
}

function panel(scene, j, about, show) {
  const one = scene.agents[j], made = element("article", undefined, j === about.seat ? "panel own" : "panel");
  const title = element("h3"), picture = element("canvas"), text = element("span", j === about.seat ? `you (${about.names[j]})` : fullNameOf(j, about));
  picture.setAttribute("aria-hidden", "true");
  picture.dataset.cue = one.at ? one.cue : -1;
  const seen = one.at ? `${showing(one.cue)}, ${carrying(one)}` : "out of sight";
  text.append(element("small", j === about.seat
    ? seen.replace("shows", "show").replace("carries", "carry").replace("looks", "look") : seen));
  title.append(picture, text);
  if (one.need && (show.needs || j === about.seat)) {
    title.append(element("span", `drive ${driveOf(one.need).toFixed(2)}`, "drive"));
  }
  const table = tableOf(scene, j, about, show);
  made.append(title);
  const hidden = `${isPerson(j, about) ? "their" : "its"} needs are hidden`;
  made.append(table || element("p", about.seat === null ? "needs are not shown" : hidden, "none"));
  const trust = show.trust && scene.trust && scene.trust[j];
  if (trust) made.append(trustOf(trust, about));
  return made;
}

export function drawPanels(place, scene, about, show) {
  place.replaceChildren(...scene.agents.map((_, j) => panel(scene, j, about, show)));
  for (const canvas of place.querySelectorAll("canvas[data-cue]")) {
    const { pen, width } = fresh(canvas);
    if (canvas.dataset.cue >= 0) agent(pen, width / 2 - 1, width / 2 + 2, width * 1.1, Number(canvas.dataset.cue));
  }
  for (const canvas of place.querySelectorAll("canvas[data-kind]")) {
    const { pen, width } = fresh(canvas);
    marker(pen, width / 2, width / 2, width * 0.34, Number(canvas.dataset.kind));
  }
}

const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const INKS = ["#22252a", "#0072b2", "#b3541e", "#7a3b86", "#1c6e5a", "#5d626a", "#8a6d00", "#b3261e"];

export function drawCurve(canvas, caption, scenes, at, about, show) {
  const { pen, width, height } = fresh(canvas);
  const left = 28, top = 8, bottom = 18;
  const shown = scenes[0].agents.map((_, i) => i).filter((i) =>
    scenes[0].agents[i].need && (show.needs || i === about.seat));
  pen.font = '11px system-ui, "DejaVu Sans", sans-serif';
  const right = 6 + Math.max(28, ...shown.map((i) => pen.measureText(nameOf(i, about)).width));
  const curves = shown.map((i) => scenes.map((scene) => driveOf(scene.agents[i].need)));
  const most = Math.max(1, ...curves.flat());
  const x = (t) => left + ((width - left - right) * t) / about.horizon;
  const y = (drive) => height - bottom - ((height - top - bottom) * drive) / most;
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = pen.strokeStyle = "#5d626a";
  pen.lineWidth = 1;
  pen.textBaseline = "middle";
  for (const drive of [0, most / 2, most]) {
    pen.globalAlpha = 0.35;
    pen.beginPath(); pen.moveTo(left, y(drive)); pen.lineTo(width - right, y(drive)); pen.stroke();
    pen.globalAlpha = 1;
    pen.textAlign = "right";
    pen.fillText(drive.toFixed(1), left - 4, y(drive));
  }
  pen.textAlign = "center";
  pen.fillText("0", x(0), height - 8);
  pen.fillText(`step ${about.horizon}`, x(about.horizon) - 12, height - 8);
  const shift = scenes.findIndex((scene) => scene.shift);
  if (shift > 0) {
    pen.setLineDash([4, 3]);
    pen.beginPath(); pen.moveTo(x(shift), top); pen.lineTo(x(shift), height - bottom); pen.stroke();
    pen.setLineDash([]);
    pen.fillText("shift", x(shift), height - 8);
  }
  const labels = [];
  curves.forEach((curve, n) => {
    const i = shown[n];
    pen.strokeStyle = pen.fillStyle = INKS[i % INKS.length];
    pen.lineWidth = i === about.seat ? 2.5 : 1.6;
    pen.setLineDash(DASHES[i % DASHES.length]);
    pen.beginPath();
    curve.forEach((drive, t) => (t ? pen.lineTo(x(t), y(drive)) : pen.moveTo(x(t), y(drive))));
    pen.stroke();
    pen.setLineDash([]);
    labels.push({ i, ink: pen.fillStyle, at: y(curve.at(-1)), x: x(curve.length - 1) });
  });
  labels.sort((one, other) => one.at - other.at);
  // Upwards from the axis, so that none stands on another.
  for (let n = labels.length - 1; n >= 0; n -= 1) {
    const below = n + 1 < labels.length ? labels[n + 1].at - 11 : height - bottom - 4;
    labels[n].at = Math.min(labels[n].at, below);
  }
  labels.forEach((one) => {
    pen.textAlign = "left";
    pen.fillStyle = one.ink;
    pen.fillText(nameOf(one.i, about), one.x + 4, one.at);
  });
  pen.strokeStyle = "#22252a";
  pen.lineWidth = 1;
  pen.beginPath(); pen.moveTo(x(at), top); pen.lineTo(x(at), height - bottom); pen.stroke();
  const now = shown.map((i) => `${nameOf(i, about)} ${driveOf(scenes[at].agents[i].need).toFixed(2)}`);
  canvas.setAttribute("aria-label", `Drive now: ${now.join(", ") || "hidden"}`);
  caption.textContent = about.seat === null ? "Drive (sum of squared needs) of each agent over time"
    : "Your drive (sum of squared needs) over time";
}
