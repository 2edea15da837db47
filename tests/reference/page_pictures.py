"""Takes the pictures of docs/play.md anew, from the page as a browser shows it.

.venv/bin/python tests/reference/page_pictures.py
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

from chromium import Chromium, find_chromium
from PIL import Image

from empathy_loop.train.play.load import TOKEN, running_server

PICTURES = Path(__file__).parents[2] / "docs/pictures"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
GAME = "window.empathyLoop.state"
KEYS = {1: "ArrowUp", 2: "ArrowDown", 3: "ArrowLeft", 4: "ArrowRight"}


def begin(browser: Chromium, port: int, **fields: str | int) -> None:
    """Open the page anew, choose, and begin; agents are those that the page proposes."""
    page = f"http://127.0.0.1:{port}/#token={TOKEN}"
    browser.open(page)
    browser.run("sessionStorage.clear()")  # it would come back to the episode before
    browser.open("about:blank")
    browser.open(page)
    browser.wait("document.getElementById('connection').textContent === 'connected'")
    browser.click_on(f"input[value={fields.pop('mode')}] + span")
    for name, value in fields.items():
        browser.run(
            f"(() => {{ const one = document.getElementById('{name}');"
            f"one.value = {json.dumps(value)}; one.dispatchEvent(new Event('change')); }})()"
        )
    browser.click_on("#begin")
    browser.wait(f"{GAME}.scenes.length > 0")


def press(browser: Chromium, key: str) -> None:
    """Press a key that lets a step pass, and wait for what comes of it."""
    now = int(browser.run(f"{GAME}.scenes.length"))
    browser.press(key)
    browser.wait(f"{GAME}.scenes.length > {now}")


def key_of(scene: dict[str, Any], seat: int, num_agents: int = 3) -> str:
    """Return what a player does who helps whoever shows distress, as the faces say by custom."""
    agents, mask = scene["agents"], scene["mask"]
    own, others = agents[seat], [j for j in range(num_agents) if j != seat]
    wanted = {j: agents[j]["cue"] - 5 for j in others if agents[j]["cue"] >= 5}
    able = [j for j in wanted if mask[7 + (j - seat) % num_agents]]
    if mask[6]:
        return "t"
    for j in able:
        if wanted[j] == own["carried"]:
            return str(j)
    kind = next(iter(wanted.values()), -1)
    if kind < 0:
        return " "
    j = next(iter(wanted))
    goal = agents[j]["at"] if own["carried"] == kind else scene["stations"][kind]
    down, right = goal[0] - own["at"][0], goal[1] - own["at"][1]
    wishes = [2 if down > 0 else 1] * bool(down) + [4 if right > 0 else 3] * bool(right)
    return next((KEYS[action] for action in wishes if mask[action]), " ")


def take(browser: Chromium, port: int) -> None:
    """Write the pictures."""
    for size, (width, height) in SIZES.items():
        browser.resize(width, height, mobile=size == "phone")
        begin(browser, port, mode="watch", scenario="mutual_aid_v0", seed=3)
        run(browser)
        moment = "(one) => one.shift && one.gifts.some((gift) => gift[3] === false)"
        slide(browser, "scrub", f"{GAME}.scenes.findIndex({moment})")
        save(browser, f"watch_{size}")
        begin(browser, port, mode="play", scenario="mutual_aid_v0", seed=3, seat=0)
        for _ in range(60):
            scene = browser.run(f"{GAME}.scenes.at(-1)")
            if scene["t"] > 15 and any(gift[0] == 0 for gift in scene["gifts"]):
                break
            press(browser, key_of(scene, 0))
        save(browser, f"play_{size}")
    browser.resize(*SIZES["desktop"])
    begin(browser, port, mode="watch", scenario="human_loop_v0", seed=3)
    run(browser)
    slide(browser, "scrub", "100")
    save(browser, "watch_people")


def run(browser: Chromium) -> None:
    """Let time run to the end, as fast as it can."""
    slide(browser, "speed", "5")
    browser.press("p")
    browser.wait(f"{GAME}.ended")
    slide(browser, "speed", "2")


def slide(browser: Chromium, slider: str, value: str) -> None:
    """Move a slider to the value of an expression."""
    browser.run(
        f"(() => {{ const one = document.getElementById('{slider}'); one.value = {value};"
        "one.dispatchEvent(new Event('input')); })()"
    )


def save(browser: Chromium, name: str) -> None:
    """Write what the window shows, from its top, in as many colours as a small file has."""
    browser.run("window.scrollTo(0, 0)")
    browser.run("document.activeElement.blur()")
    picture = Image.open(io.BytesIO(browser.picture())).convert("RGB").quantize(256, dither=0)
    picture.save(PICTURES / f"{name}.png", optimize=True)


def main() -> None:
    """Take them all; needs a Chromium, and the extra web."""
    program = find_chromium()
    if program is None:
        raise SystemExit("there is no Chromium on the path; Debian's package is called chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server("", Path(folder) / "records") as pipe,
    ):
        browser = Chromium(program, Path(folder) / "profile")
        try:
            take(browser, int(pipe.recv()))
        finally:
            browser.close()


if __name__ == "__main__":
    main()
