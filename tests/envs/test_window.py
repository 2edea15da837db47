"""The window follows every step, and closes cleanly."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from extras import require

from empathy_loop.envs import mutual_aid_v0


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return pygame, drawing into memory."""
    module = require("pygame", "human")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    yield module
    module.quit()


def on_screen(pygame: Any) -> Any:
    """Return what the window shows: uint8 [H, W, 3]."""
    return pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)


def test_the_window_shows_every_step_as_the_picture_of_it(pygame: Any) -> None:
    env = mutual_aid_v0.parallel_env(render_mode="human", total_hazard=0.5)
    painter = mutual_aid_v0.parallel_env(render_mode="rgb_array", total_hazard=0.5)
    env.reset(seed=0)
    painter.reset(seed=0)
    for _ in range(3):
        assert np.array_equal(on_screen(pygame), painter.render())
        env.step(dict.fromkeys(env.agents, 2))
        painter.step(dict.fromkeys(env.agents, 2))
    assert np.array_equal(on_screen(pygame), painter.render())
    assert env.render() is None
    assert pygame.display.get_caption()[0] == "mutual_aid_v0"
    env.close()


def test_closing_takes_the_window_away_and_the_next_step_brings_it_back(pygame: Any) -> None:
    env = mutual_aid_v0.parallel_env(render_mode="human")
    env.close()
    env.reset(seed=0)
    assert pygame.display.get_init()
    env.close()
    env.close()
    assert not pygame.display.get_init()
    env.step(dict.fromkeys(env.agents, 0))
    assert pygame.display.get_init()
    env.close()


def test_the_user_who_closes_the_window_ends_the_program(pygame: Any) -> None:
    env = mutual_aid_v0.parallel_env(render_mode="human")
    env.reset(seed=0)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    with pytest.raises(KeyboardInterrupt, match="the window was closed"):
        env.step(dict.fromkeys(env.agents, 0))
    assert not pygame.display.get_init()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_has_a_window_of_its_own_that_is_not_yet_open(pygame: Any, duplicate: Any) -> None:
    env = mutual_aid_v0.parallel_env(render_mode="human")
    env.reset(seed=0)
    twin = duplicate(env)
    assert not twin._window.is_open and env._window.is_open
    env.close()


def test_pictures_come_no_faster_than_said(pygame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Clock:
        def tick(self, frames_per_second: int) -> None:
            asked.append(frames_per_second)

    monkeypatch.setattr(pygame.time, "Clock", Clock)
    env = mutual_aid_v0.parallel_env(render_mode="human")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert asked == [env.metadata["render_fps"]] * 2
    env.close()


def test_without_a_screen_it_is_said_what_to_do(
    pygame: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "no_such_driver")
    env = mutual_aid_v0.parallel_env(render_mode="human")
    with pytest.raises(
        RuntimeError, match=r"no window could be opened .*render_mode=\"rgb_array\""
    ):
        env.reset(seed=0)


def test_without_pygame_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    message = r'needs pygame; install it with: pip install "empathy-loop\[human\]", or choose'
    with pytest.raises(ImportError, match=message):
        mutual_aid_v0.parallel_env(render_mode="human")
    assert mutual_aid_v0.parallel_env(render_mode="rgb_array").reset(seed=0)
