// What a scene says in words, for those who hear it and for the log.

import { DISTRESS, faceOf, letterOf } from "./board.js";

export const nameOf = (i, about) => (i === about.seat ? "you" : about.names[i]);
const opening = (i, about) => (i === about.seat ? "You" : about.names[i]);
// The name, with the number on the board where that is another.
export const fullNameOf = (i, about) =>
  (about.names[i].endsWith(`_${i}`) ? about.names[i] : `${about.names[i]} (${i})`);
export const percent = (level) => `${Math.round(level * 100)}%`;

export function showing(cue) {
  if (cue === 0) return "shows nothing";
  if (cue >= DISTRESS) return `shows distress ${letterOf(cue - DISTRESS)}`;
  return { relief: "looks relieved", annoyed: "looks annoyed", gratitude: "shows gratitude",
    kindness: "shows kindness" }[faceOf(cue)];
}

export const carrying = (one) =>
  (one.carried < 0 ? "carries nothing" : `carries ${letterOf(one.carried)}`);

export const driveOf = (need) => need.reduce((sum, level) => sum + level * level, 0);

function whereabouts(from, to) {
  const [down, right] = [to[0] - from[0], to[1] - from[1]];
  if (!down && !right) return "where you are";
  const parts = [];
  if (down) parts.push(`${Math.abs(down)} ${down > 0 ? "south" : "north"}`);
  if (right) parts.push(`${Math.abs(right)} ${right > 0 ? "east" : "west"}`);
  return parts.join(" ");
}

// Sentences on what is new in a scene after the one before it.
export function events(scene, before, about) {
  const found = [];
  if (scene.shift && !(before && before.shift)) {
    found.push(`The shift has come: ${scene.shift.replaceAll("_", " ")}.`);
  }
  for (const [i, j, kind, wrong] of scene.gifts) {
    const what = kind < 0 ? "an item" : letterOf(kind);
    const outcome = wrong === null ? "" : wrong ? ", which was wrong" : ", which relieved";
    found.push(`${opening(i, about)} gave ${what} to ${nameOf(j, about)}${outcome}.`);
  }
  for (const [i, j] of scene.thanks) {
    found.push(`${opening(i, about)} thanked ${nameOf(j, about)}.`);
  }
  scene.agents.forEach((one, i) => {
    if (i === about.seat || !one.at) return;
    const earlier = before && before.agents[i];
    if (one.cue && (!earlier || earlier.cue !== one.cue)) {
      found.push(`${about.names[i]} ${showing(one.cue)}.`);
    }
  });
  const own = about.seat === null ? null : scene.agents[about.seat];
  if (own && before) {
    own.need.forEach((level, kind) => {
      if (level > 0 && before.agents[about.seat].need[kind] === 0) {
        found.push(`Your need ${letterOf(kind)} begins.`);
      }
    });
    const had = before.agents[about.seat].carried;
    if (own.carried >= 0 && own.carried !== had) found.push(`You picked up ${letterOf(own.carried)}.`);
  }
  return found;
}

// Everything there is to see, for who asks; trust if it is shown.
export function description(scene, about, show) {
  const own = about.seat === null ? null : scene.agents[about.seat];
  const parts = [`Step ${scene.t} of ${about.horizon}.`];
  if (own) {
    const needs = own.need.map((level, kind) => `${letterOf(kind)} ${Math.round(level * 100)}`);
    parts.push(`You are in row ${own.at[0] + 1}, column ${own.at[1] + 1}, you ` +
      `${carrying(own).replace("carries", "carry")}. Your needs in percent: ${needs.join(", ")}.`);
    scene.stations.forEach((at, kind) => {
      parts.push(`Supply ${letterOf(kind)}: ${whereabouts(own.at, at)}.`);
    });
  }
  scene.agents.forEach((one, i) => {
    if (i === about.seat) return;
    if (!one.at) { parts.push(`${about.names[i]} is out of sight.`); return; }
    const place = own ? whereabouts(own.at, one.at) : `row ${one.at[0] + 1}, column ${one.at[1] + 1}`;
    parts.push(`${fullNameOf(i, about)}, ${place}, ${showing(one.cue)}, ${carrying(one)}.`);
  });
  for (const [h, levels] of Object.entries(show.trust && scene.trust || {})) {
    const said = Object.entries(levels).map(([i, level]) => `${about.names[i]} ${percent(level)}`);
    parts.push(`${about.names[h]} trusts ${said.join(", ")}.`);
  }
  return parts.join(" ");
}
