// Draws a scene on a canvas: the same signs as the pictures of `empathy-loop render`.

export const CUES = ["neutral", "relief", "annoyed", "gratitude", "kindness"];
export const DISTRESS = 5;
const INK = "#22252a", PALE = "#ffffff", LINE = "#c9ccd1", SKIN = "#ffe3a8";
const GOOD = "#1c6e5a", BAD = "#c8321f", WARM = "#9a4fa8", UNKNOWN = "#22252a";
export const TRUST = "#3d4f8f";
const LETTERS = [PALE, INK, PALE, INK, INK, INK];
const POLYGONS = { 1: [4, 45], 2: [3, -90], 3: [4, 0], 4: [5, -90], 5: [6, 0] };
let colours = [];

export function useColours(found) { colours = found; }
export const colourOf = (kind) => colours[kind];
export const letterOf = (kind) => "ABCDEF"[kind];
export const isPerson = (i, about) => about.names[i].startsWith("person");
export const faceOf = (cue) => (cue >= DISTRESS ? "distress" : CUES[cue]);

// Returns a context whose unit is a CSS pixel, cleared, and its size.
export function fresh(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return { pen, width, height };
}

function around(x, y, radius, degrees) {
  const angle = (degrees * Math.PI) / 180;
  return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
}

function shape(pen, points, fill, line) {
  pen.beginPath();
  points.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
  if (fill) { pen.fillStyle = fill; pen.fill(); }
  if (line) { pen.strokeStyle = line; pen.stroke(); }
}

function disc(pen, x, y, radius, fill, line) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  if (fill) { pen.fillStyle = fill; pen.fill(); }
  if (line) { pen.strokeStyle = line; pen.stroke(); }
}

function letter(pen, text, x, y, size, colour) {
  pen.font = `600 ${size}px system-ui, "DejaVu Sans", sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = colour;
  pen.fillText(text, x, y + size * 0.05);
}

export function marker(pen, x, y, radius, kind, hollow = false) {
  const fill = hollow ? PALE : colours[kind];
  pen.lineWidth = hollow ? Math.max(1.5, radius / 7) : 1;
  if (kind in POLYGONS) {
    const [sides, turn] = POLYGONS[kind];
    const reach = radius * ({ 3: 1.45, 4: 1.25 }[sides] || 1.12);
    shape(pen, Array.from({ length: sides }, (_, n) => around(x, y, reach, turn + (360 * n) / sides)),
      fill, INK);
  } else {
    disc(pen, x, y, radius, fill, INK);
  }
  const small = kind === 2;
  letter(pen, letterOf(kind), x, y + (small ? 0.2 * radius : 0), radius * (small ? 1.05 : 1.3),
    hollow ? INK : LETTERS[kind]);
}

function heart(pen, x, y, radius) {
  const points = Array.from({ length: 40 }, (_, n) => {
    const angle = (2 * Math.PI * n) / 40;
    const up = 13 * Math.cos(angle) - 5 * Math.cos(2 * angle) - 2 * Math.cos(3 * angle)
      - Math.cos(4 * angle);
    return [x + (Math.sin(angle) ** 3) * radius, y - (up * radius) / 16];
  });
  shape(pen, points, WARM);
}

function plus(pen, x, y, radius) {
  pen.strokeStyle = WARM;
  pen.lineWidth = radius * 0.4;
  pen.beginPath();
  pen.moveTo(x - radius, y); pen.lineTo(x + radius, y);
  pen.moveTo(x, y - radius); pen.lineTo(x, y + radius);
  pen.stroke();
}

export function face(pen, x, y, radius, cue) {
  const look = faceOf(cue);
  pen.lineWidth = Math.max(1, radius / 12);
  disc(pen, x, y, radius, SKIN, INK);
  pen.lineWidth = radius * 0.13;
  pen.lineCap = "round";
  pen.strokeStyle = INK;
  const arc = (cx, cy, r, from, to) => {
    pen.beginPath();
    pen.arc(cx, cy, r, (from * Math.PI) / 180, (to * Math.PI) / 180);
    pen.stroke();
  };
  for (const side of [-1, 1]) {
    const ex = x + side * 0.36 * radius, ey = y - 0.2 * radius;
    if (look === "relief" || look === "gratitude") arc(ex, ey, 0.19 * radius, 200, 340);
    else disc(pen, ex, ey, 0.11 * radius, INK);
    const tilt = ({ annoyed: 0.14, distress: -0.14 }[look] || 0) * radius;
    if (tilt) {
      pen.beginPath();
      pen.moveTo(ex + side * 0.2 * radius, ey - 0.3 * radius - tilt);
      pen.lineTo(ex - side * 0.2 * radius, ey - 0.3 * radius + tilt);
      pen.stroke();
    }
  }
  if (look === "distress") disc(pen, x, y + 0.46 * radius, 0.22 * radius, INK);
  else if (look === "annoyed") arc(x, y + 0.72 * radius, 0.42 * radius, 215, 325);
  else if (look === "relief") {
    pen.beginPath();
    pen.arc(x, y + 0.22 * radius, 0.42 * radius, 0, Math.PI);
    pen.fillStyle = INK;
    pen.fill();
  } else if (look === "neutral") {
    pen.beginPath();
    pen.moveTo(x - 0.34 * radius, y + 0.42 * radius);
    pen.lineTo(x + 0.34 * radius, y + 0.42 * radius);
    pen.stroke();
  } else arc(x, y + 0.14 * radius, 0.5 * radius, 25, 155);
  pen.lineCap = "butt";
}

// A face with the sign that goes with its cue.
export function agent(pen, x, y, cell, cue) {
  face(pen, x, y, 0.33 * cell, cue);
  const sx = x + 0.31 * cell, sy = y - 0.28 * cell;
  if (cue >= DISTRESS) marker(pen, sx, sy, 0.14 * cell, cue - DISTRESS, true);
  else if (CUES[cue] === "gratitude") heart(pen, sx, sy, 0.15 * cell);
  else if (CUES[cue] === "kindness") plus(pen, sx, sy, 0.13 * cell);
}

function arrow(pen, from, to, cell, colour, dash) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const ux = (to[0] - from[0]) / length, uy = (to[1] - from[1]) / length;
  const lx = uy, ly = -ux, aside = 0.33 * cell, ahead = 0.13 * cell;
  const bend = 0.2 * length + 0.1 * cell;
  const start = [from[0] + aside * lx + ahead * ux, from[1] + aside * ly + ahead * uy];
  const end = [to[0] + aside * lx - ahead * ux, to[1] + aside * ly - ahead * uy];
  const mid = [(start[0] + end[0]) / 2 + bend * lx, (start[1] + end[1]) / 2 + bend * ly];
  for (const [line, width] of [[PALE, 0.12 * cell], [colour, 0.055 * cell]]) {
    pen.strokeStyle = line;
    pen.lineWidth = width;
    pen.setLineDash(line === PALE ? [] : dash.map((part) => part * cell));
    pen.beginPath();
    pen.moveTo(...start);
    pen.quadraticCurveTo(...mid, ...end);
    pen.stroke();
  }
  pen.setLineDash([]);
  const turn = (Math.atan2(end[1] - mid[1], end[0] - mid[0]) * 180) / Math.PI;
  shape(pen, [around(...end, 0.08 * cell, turn), around(...end, -0.15 * cell, turn - 30),
    around(...end, -0.15 * cell, turn + 30)], colour);
  return [(start[0] + 2 * mid[0] + end[0]) / 4 + 0.1 * cell * lx,
    (start[1] + 2 * mid[1] + end[1]) / 4 + 0.1 * cell * ly];
}

// From each person to each AI, the thicker and darker the more it trusts.
function drawTrust(pen, trust, place, cell) {
  for (const [h, levels] of Object.entries(trust)) {
    for (const [i, level] of Object.entries(levels)) {
      const from = place(h), to = place(i);
      if (!from || !to) continue;
      // Bent, so that lines to two in one row part.
      const mid = [(from[0] + to[0]) / 2 + 0.12 * (to[1] - from[1]),
        (from[1] + to[1]) / 2 - 0.12 * (to[0] - from[0])];
      pen.beginPath();
      pen.moveTo(...from);
      pen.quadraticCurveTo(...mid, ...to);
      pen.strokeStyle = TRUST;
      pen.globalAlpha = 0.3 + 0.7 * level;
      pen.lineWidth = (0.015 + 0.14 * level) * cell;
      pen.stroke();
    }
  }
  pen.globalAlpha = 1;
}

export function drawBoard(canvas, scene, about, show) {
  const { pen, width } = fresh(canvas);
  const cell = width / about.grid;
  const middle = ([row, column]) => [(column + 0.5) * cell, (row + 0.5) * cell];
  pen.clearRect(0, 0, width, width);
  pen.lineWidth = 1;
  for (let row = 0; row < about.grid; row += 1) {
    for (let column = 0; column < about.grid; column += 1) {
      pen.fillStyle = PALE;
      pen.fillRect(column * cell, row * cell, cell, cell);
      pen.strokeStyle = LINE;
      pen.strokeRect(column * cell + 0.5, row * cell + 0.5, cell - 1, cell - 1);
    }
  }
  const taken = new Set(scene.agents.filter((one) => one.at).map((one) => String(one.at)));
  scene.stations.forEach((at, kind) => {
    const [x, y] = middle(at), half = 0.46 * cell;
    pen.globalAlpha = 0.35;
    pen.fillStyle = colours[kind];
    pen.fillRect(x - half, y - half, 2 * half, 2 * half);
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    pen.strokeStyle = colours[kind];
    pen.strokeRect(x - half, y - half, 2 * half, 2 * half);
    if (taken.has(String(at))) letter(pen, letterOf(kind), x - 0.34 * cell, y - 0.32 * cell,
      0.22 * cell, INK);
    else marker(pen, x, y, 0.25 * cell, kind);
  });
  const place = (i) => scene.agents[i].at && middle(scene.agents[i].at);
  if (scene.trust && show.trust) drawTrust(pen, scene.trust, place, cell);
  scene.agents.forEach((one, i) => {
    if (!one.at) return;
    const [x, y] = middle(one.at);
    if (i === about.seat) {
      pen.lineWidth = 3;
      pen.strokeStyle = INK;
      pen.strokeRect(x - 0.47 * cell, y - 0.47 * cell, 0.94 * cell, 0.94 * cell);
    }
    agent(pen, x, y, cell, one.cue);
    if (one.carried >= 0) marker(pen, x + 0.31 * cell, y + 0.31 * cell, 0.13 * cell, one.carried);
    const [nx, ny, half] = [x - 0.32 * cell, y + 0.32 * cell, 0.13 * cell];
    if (isPerson(i, about)) {
      pen.fillStyle = INK;
      pen.fillRect(nx - half, ny - half, 2 * half, 2 * half);
    } else disc(pen, nx, ny, half, INK);
    letter(pen, String(i), nx, ny, 0.18 * cell, PALE);
  });
  for (const [i, j] of scene.thanks) {
    if (place(i) && place(j)) heart(pen, ...arrow(pen, place(i), place(j), cell, WARM, []), 0.1 * cell);
  }
  for (const [i, j, kind, wrong] of scene.gifts) {
    if (!place(i) || !place(j)) continue;
    const colour = wrong === null ? UNKNOWN : wrong ? BAD : GOOD;
    const dash = wrong === null ? [0.03, 0.06] : wrong ? [0.12, 0.08] : [];
    const sign = arrow(pen, place(i), place(j), cell, colour, dash);
    if (kind >= 0) marker(pen, ...sign, 0.12 * cell, kind);
  }
}
