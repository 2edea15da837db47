// What is said: to a screen reader, in the log, and as a warning.

const $ = (id) => document.getElementById(id);
const LONGEST_LOG = 60;
let alertTimer = 0, sayTimer = 0, unsaid = "";

export function alertText(text) {
  $("alert").textContent = text;
  clearTimeout(alertTimer);
  alertTimer = setTimeout(() => { $("alert").textContent = ""; }, 5000);
}

// Says a text, at most one in `pause` milliseconds, so that a screen reader can keep up.
export function say(text, pause = 150) {
  unsaid = text;
  if (sayTimer) return;
  $("say").textContent = unsaid;
  unsaid = "";
  sayTimer = setTimeout(() => {
    sayTimer = 0;
    if (unsaid) say(unsaid, pause);
  }, pause);
}

export function log(t, text) {
  const line = document.createElement("li");
  line.textContent = `${t}: ${text}`;
  $("log").prepend(line);
  while ($("log").children.length > LONGEST_LOG) $("log").lastChild.remove();
}
