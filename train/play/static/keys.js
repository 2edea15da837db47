// The list of keys, and the switch for those of a single character.

const $ = (id) => document.getElementById(id);
const KEYS = [["Arrows, W A S D", "move"], ["Space", "stay, or run and pause while watching"],
  ["0 to 9", "help the agent of that number"], ["U, T, O", "use the item yourself, thank, offer"],
  ["L", "say everything there is to see"], ["P", "let time run, or pause"],
  [". or right arrow", "one step, while watching"], ["[ and ]", "back and forth through the episode"],
  ["B, N, R", "beliefs, true needs and trust, shown or not"]];

// For who speaks to the computer, or misses keys, they can be switched off, and stay so.
export const singleKeysAct = () => $("single-keys").checked;

export function explainKeys() {
  $("keys").replaceChildren(...KEYS.flatMap(([key, meaning]) => {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = key;
    text.textContent = meaning;
    return [term, text];
  }));
  $("single-keys").checked = localStorage.getItem("single-keys") !== "off";
  $("single-keys").addEventListener("change", () =>
    localStorage.setItem("single-keys", $("single-keys").checked ? "on" : "off"));
}
