"""The page in a real browser: an episode by keys and clicks, and the record that it leaves.

It needs a Chromium (Debian's package is called chromium) and is skipped where none is found: what
the page's scripts do is then not tested, but for what they are sent.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import NAMES, Chromium, find_chromium

from empathy_loop.train.episode import Episode
from empathy_loop.train.play.scene import seat_scene_of, true_scene
from empathy_loop.train.play.shipped import SHIPPED
from empathy_loop.train.records import Record, read_record
from empathy_loop.train.replay import check_replay, play_again

pytestmark = pytest.mark.xdist_group("play")

GAME = "window.empathyLoop.state"
MOVES = {"ArrowUp": 1, "ArrowDown": 2, "ArrowLeft": 3, "ArrowRight": 4}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip(
            f"the page is not tested in a browser: none of {', '.join(NAMES)} is on the path; "
            "CONTRIBUTING.md says what that leaves out"
        )
    one = Chromium(program, tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


def open_page(browser: Chromium, server: Any) -> None:
    browser.resize(1280, 800)
    page = f"http://127.0.0.1:{server.port}/#token=a-token-for-tests"
    browser.open(page)
    # It would come back to the episode of another test, and remember what was switched off.
    browser.run("sessionStorage.clear(); localStorage.clear()")
    browser.open("about:blank")
    browser.open(page)
    browser.wait("document.getElementById('connection').textContent === 'connected'")


def begin(
    browser: Chromium, mode: str, agent: str, scenario: str = "mutual_aid_v0", seat: int = 0
) -> None:
    browser.click_on(f"input[value={mode}] + span")
    choose(browser, "scenario", scenario)
    choose(browser, "agent", agent)
    browser.run(f"document.getElementById('seat').value = {seat}")
    browser.click_on("#begin")
    browser.wait(f"{GAME}.scenes.length > 0")


def choose(browser: Chromium, field: str, value: str) -> None:
    browser.run(
        f"(() => {{ const one = document.getElementById('{field}'); one.value = '{value}';"
        "one.dispatchEvent(new Event('change')); })()"
    )


def shown_again(record: Record, look: Callable[[Episode], Any]) -> Any:
    """Return what a look at each moment of a replay gives, as a page would read it."""
    scenes: list[Any] = []
    play_again(record, lambda episode: scenes.append(look(episode)))
    return json.loads(json.dumps(scenes))


def note_what_is_sent(browser: Chromium) -> None:
    """Keep what the page says to the server in the list `window.sent`."""
    browser.run(
        "(() => { const one = window.empathyLoop.connection, send = one.send.bind(one);"
        "window.sent = []; one.send = (message) => { sent.push(message); return send(message); };"
        "})()"
    )


def moments(browser: Chromium) -> int:
    return int(browser.run(f"{GAME}.scenes.length"))


def cell(browser: Chromium, row: int, column: int) -> tuple[float, float]:
    """Return the middle of a cell of the board, in the window."""
    left, top, side = browser.run(
        "(() => { const one = document.getElementById('board');"
        "one.scrollIntoView({block: 'center'}); const r = one.getBoundingClientRect();"
        "return [r.x, r.y, r.width / 5]; })()"
    )
    return left + (column + 0.5) * side, top + (row + 0.5) * side


def play_one(browser: Chromium, seat: int) -> str:
    """Take one step by a key or a click, whichever helps most; return what was done."""
    scene = browser.run(f"{GAME}.scenes.at(-1)")
    mask, own, now = scene["mask"], scene["agents"][seat], moments(browser)
    help_of = {j: 7 + (j - seat) % 3 for j in range(3) if j != seat}
    wanted = next((j for j, action in help_of.items() if mask[action]), None)
    if wanted is not None and scene["t"] % 2:
        browser.click(*cell(browser, *scene["agents"][wanted]["at"]))
        done = "help by click"
    elif wanted is not None:
        browser.press(str(wanted))
        done = "help by key"
    elif mask[6]:
        browser.press("t")
        done = "thank"
    else:
        # To the supply of the kind that another shows, or to the first one.
        cues = [one["cue"] - 5 for j, one in enumerate(scene["agents"]) if j != seat]
        goal = scene["stations"][max(*cues, 0)]
        down, right = goal[0] - own["at"][0], goal[1] - own["at"][1]
        keys = ["ArrowDown" if down > 0 else "ArrowUp"] * bool(down)
        keys += ["ArrowRight" if right > 0 else "ArrowLeft"] * bool(right)
        key = next((key for key in keys if mask[MOVES[key]]), " ")
        browser.press(key)
        done = "move" if key != " " else "stay"
    browser.wait(f"{GAME}.scenes.length > {now}")
    return done


def test_an_episode_is_played_watched_again_and_replayed(
    browser: Chromium, server: Any, records: Path
) -> None:
    open_page(browser, server)
    begin(browser, "play", "oracle")
    done = {play_one(browser, 0) for _ in range(50)}
    assert {"help by click", "help by key", "move"} <= done
    assert browser.run("document.querySelectorAll('.panel .bar').length") == 3
    assert "its needs are hidden" in browser.run("document.getElementById('panels').textContent")

    # The connection is lost, comes back by itself, and the episode goes on.
    before = moments(browser)
    browser.run("window.empathyLoop.connection.socket.close()")
    browser.wait("document.getElementById('connection').textContent !== 'connected'")
    browser.wait("document.getElementById('connection').textContent === 'connected'")
    browser.wait(f"!{GAME}.waiting")
    time.sleep(0.1)
    play_one(browser, 0)
    assert moments(browser) == before + 1

    # So does a page that is loaded anew.
    browser.call("Page.reload")
    browser.wait(f"window.empathyLoop && {GAME}.scenes.length === {before + 1}")
    assert browser.run("document.body.classList.contains('play')")
    before += 1
    play_one(browser, 0)

    # Back to an earlier moment, and on by a key, which acts in the latest.
    browser.press("[")
    browser.press("[")
    assert browser.run("document.getElementById('step').textContent") == f"step {before - 2} of 128"
    play_one(browser, 0)
    assert browser.run(f"{GAME}.at") is None

    browser.run("document.getElementById('speed').value = 5")
    browser.click_on("#run")
    ended = browser.wait(f"{GAME}.ended")
    assert ended["record"] in browser.run("document.getElementById('log').textContent")
    scenes = browser.run(f"{GAME}.scenes")
    record = read_record(records / ended["record"])
    check_replay(record)
    assert [scene["t"] for scene in scenes] == list(range(129))
    assert scenes == shown_again(record, lambda episode: seat_scene_of(episode, 0))

    # What was hidden is shown now.
    browser.click_on("#reveal")
    browser.wait("document.querySelectorAll('.panel .bar').length > 3")
    beliefs = record.arrays["belief"]
    assert browser.run(f"{GAME}.scenes") == shown_again(
        record, lambda episode: true_scene(episode, beliefs[episode.step_number])
    )
    assert browser.problems == []


def test_a_watched_episode_steps_runs_stops_and_goes_back(browser: Chromium, server: Any) -> None:
    open_page(browser, server)
    begin(browser, "watch", "filter")
    browser.press(".")
    browser.wait(f"{GAME}.scenes.length === 2")
    bars = "document.querySelectorAll('.panel .bar').length"
    assert browser.run(bars) == 27  # three agents, three kinds: the truth, and two who believe
    browser.press("b")
    assert browser.run(bars) == 9
    browser.press("n")
    assert browser.run(bars) == 0
    browser.click_on("#show-beliefs")
    assert browser.run(bars) == 18
    browser.press("p")
    browser.wait(f"{GAME}.scenes.length > 4")
    browser.press("p")
    browser.wait(f"!{GAME}.running")
    stopped = moments(browser)
    browser.press("ArrowLeft")
    assert browser.run(f"{GAME}.at") == stopped - 2
    browser.run(
        "(() => { const one = document.getElementById('scrub'); one.value = 0;"
        "one.dispatchEvent(new Event('input')); })()"
    )
    assert browser.run("document.getElementById('step').textContent") == "step 0 of 128"
    assert moments(browser) == stopped
    assert browser.problems == []


def test_a_page_that_was_cut_off_while_time_ran_shows_that_it_stands_still(
    browser: Chromium, server: Any
) -> None:
    open_page(browser, server)
    begin(browser, "watch", "filter")
    run = "document.getElementById('run')"
    browser.press("p")
    browser.wait(f"{GAME}.scenes.length > 3 && {run}.textContent === 'Pause'")
    browser.run("window.empathyLoop.connection.socket.close()")
    browser.wait("document.getElementById('connection').textContent !== 'connected'")
    browser.wait("document.getElementById('connection').textContent === 'connected'")
    session = server.lobby.find(browser.run("window.empathyLoop.connection.session"))
    browser.wait(f"{GAME}.scenes.length === {len(session.scenes)}")
    assert browser.run(f"[{run}.textContent, {run}.ariaPressed]") == ["Run", "false"]
    stopped = moments(browser)
    browser.press(".")
    browser.wait(f"{GAME}.scenes.length > {stopped}")
    assert moments(browser) == stopped + 1
    browser.press("p")
    browser.wait(f"{GAME}.scenes.length > {stopped + 3} && {run}.textContent === 'Pause'")
    assert browser.problems == []


def test_only_agents_that_fit_can_be_chosen(browser: Chromium, server: Any) -> None:
    open_page(browser, server)
    agent = "document.getElementById('agent').value"
    offered = "[...document.getElementById('agent').options].map((one) => one.value)"
    three, beside_people = SHIPPED
    assert browser.run(agent) == three
    choose(browser, "scenario", "crowd_v0")
    assert browser.run(agent) == "filter"
    assert three not in browser.run(offered)
    choose(browser, "scenario", "human_loop_v0")
    assert browser.run(agent) == beside_people
    choose(browser, "scenario", "hard_faces_v0")
    assert browser.run(agent) == three
    choose(browser, "agent", "reader")
    for scenario in ("crowd_v0", "mutual_aid_v0"):
        choose(browser, "scenario", scenario)
        assert browser.run(agent) == "reader"
    label = "document.getElementById('agent').labels[0].textContent.trim().split('\\n')[0]"
    for mode, name in (("play", "Other agents"), ("watch", "Agents")):
        browser.click_on(f"input[value={mode}] + span")
        assert browser.run(label).startswith(name)


def test_a_finger_moves_and_helps(browser: Chromium, server: Any) -> None:
    open_page(browser, server)
    browser.resize(390, 844, mobile=True)
    browser.call("Emulation.setTouchEmulationEnabled", enabled=True)
    begin(browser, "play", "oracle")
    note_what_is_sent(browser)
    done: set[str] = set()
    steps = {1: (-1, 0), 2: (1, 0), 3: (0, -1), 4: (0, 1)}
    for _ in range(60):
        scene, now = browser.run(f"{GAME}.scenes.at(-1)"), moments(browser)
        mask, own = scene["mask"], scene["agents"][0]["at"]
        places = [one["at"] for one in scene["agents"]]
        goal = next(station for station in scene["stations"] if station != own)
        away = {
            action: abs(own[0] + down - goal[0]) + abs(own[1] + right - goal[1])
            for action, (down, right) in steps.items()
            if mask[action] and [own[0] + down, own[1] + right] not in places
        }
        helped = next((j for j in (1, 2) if mask[7 + j]), None)
        if helped is not None:
            place, action, what = places[helped], 7 + helped, "help"
        else:
            action = min(away, key=lambda one: away[one])
            place, what = [own[0] + steps[action][0], own[1] + steps[action][1]], "move"
        browser.tap(*cell(browser, *place))
        browser.wait(f"{GAME}.scenes.length > {now}")
        assert browser.run("sent.at(-1)") == {"type": "act", "t": scene["t"], "action": action}
        done.add(what)
        if len(done) == 2:
            break
    browser.call("Emulation.setTouchEmulationEnabled", enabled=False)
    assert done == {"move", "help"}
    assert browser.problems == []


def test_keys_of_one_character_can_be_switched_off_for_good(browser: Chromium, server: Any) -> None:
    open_page(browser, server)
    begin(browser, "play", "reader")
    board = "document.getElementById('board')"
    assert browser.run(f"[{board}.getAttribute('role'), {board}.ariaLabel]") == [
        *("application", "Board, 5 by 5; keys act here")
    ]
    browser.run("document.getElementById('help').open = true")
    browser.click_on("#single-keys")
    note_what_is_sent(browser)
    browser.run(f"{board}.focus()")
    said = browser.run("document.getElementById('say').textContent")
    for key in "wasdutol0123.[]pbnr":
        browser.press(key)
    assert browser.run("sent") == []
    assert browser.run("document.getElementById('say').textContent") == said
    browser.press(" ")
    browser.wait(f"{GAME}.scenes.length === 2")
    browser.call("Page.reload")
    browser.wait(f"window.empathyLoop && {GAME}.scenes.length === 2")
    assert not browser.run("document.getElementById('single-keys').checked")
    browser.press("p")
    browser.run("document.getElementById('help').open = true")
    browser.click_on("#single-keys")
    assert not browser.run(f"{GAME}.running")
    browser.press("p")
    browser.wait(f"{GAME}.running")
    browser.press("p")
    assert browser.problems == []


def test_lines_and_bars_show_whom_people_trust_until_they_are_switched_off(
    browser: Chromium, server: Any
) -> None:
    open_page(browser, server)
    begin(browser, "watch", "filter")
    toggle = "document.getElementById('show-trust').closest('label').hidden"
    assert browser.run(toggle)
    begin_anew = "window.empathyLoop.state.scenes = []"
    browser.run(begin_anew)
    begin(browser, "watch", "filter", "human_loop_v0")
    assert not browser.run(toggle)
    board = "document.getElementById('board').toDataURL()"
    rows = "[...document.querySelectorAll('.trust tr')].map((one) => one.textContent)"
    names = "[...document.querySelectorAll('.panel h3 > span:first-of-type')]"
    with_lines = browser.run(board)
    assert browser.run(rows) == ["trust in ai_030%", "trust in ai_130%"] * 2
    assert "person_0 trusts ai_0 30%" in browser.run("document.getElementById('look').textContent")
    assert browser.run(f"{names}.map((one) => one.firstChild.textContent)") == [
        *("ai_0", "ai_1", "person_0 (2)", "person_1 (3)")
    ]
    browser.press("r")
    without = browser.run(board)
    assert without != with_lines and browser.run(rows) == []
    browser.click_on("#show-trust")
    assert browser.run(board) == with_lines

    # Who plays is told of no trust, the own one neither.
    browser.run(begin_anew)
    begin(browser, "play", "filter", "human_loop_v0", seat=2)
    assert browser.run(toggle) and browser.run(rows) == []
    assert "You are person_0" in browser.run("document.getElementById('log').textContent")
    assert browser.run(f"{GAME}.scenes.map((one) => one.trust)") == [None]
    assert browser.run("document.getElementById('seat').length") == 3
    assert browser.problems == []


def test_everything_can_be_reached_and_read_without_seeing(browser: Chromium, server: Any) -> None:
    open_page(browser, server)
    begin(browser, "play", "reader")
    browser.press("l")
    browser.wait("document.getElementById('say').textContent.includes('Your needs in percent')")
    nameless = browser.run(
        "[...document.querySelectorAll('button, input, select, [role=img], [role=application]')]"
        ".filter((one) =>"
        "!(one.getAttribute('aria-label') || one.textContent.trim() ||"
        "(one.labels && one.labels.length))).map((one) => one.outerHTML)"
    )
    assert nameless == []
    reached = set()
    for _ in range(40):
        browser.press("Tab")
        reached.add(browser.run("document.activeElement.id || document.activeElement.ariaLabel"))
    assert {"scenario", "agent", "seat", "seed", "begin", "board", "run", "scrub"} <= reached
    assert {"north", "stay"} & reached


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 640), (1280, 800)])
def test_nothing_is_cut_off_at_the_side(
    browser: Chromium, server: Any, width: int, height: int
) -> None:
    open_page(browser, server)
    browser.resize(width, height, mobile=width < 800)
    begin(browser, "watch", "filter")
    assert browser.run("document.documentElement.scrollWidth") <= width
    bottoms = "['board', 'run'].map((n) => document.getElementById(n).getBoundingClientRect())"
    board, run = browser.run(f"{bottoms}.map((r) => [r.top, r.bottom])")
    assert board[1] <= run[0] <= board[1] + 40


def test_what_agents_are_called_cannot_become_part_of_the_page(
    browser: Chromium, server: Any
) -> None:
    open_page(browser, server)
    browser.run(
        "window.empathyLoop.connection.onMessage({type: 'refused',"
        "reason: '<img src=x onerror=alert(1)>'})"
    )
    assert browser.run("document.querySelectorAll('#alert img').length") == 0
