"""A window on the screen that shows one picture after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Window:
    """A window that opens with its first picture and follows the size of each.

    A copy or a pickle is a window of its own, not yet open.

    Args:
        title: What stands above it.
        frames_per_second: Pictures shown in a second at most, above 0.

    Raises:
        ImportError: pygame is not installed; says which extra brings it.
    """

    def __init__(self, title: str, frames_per_second: int) -> None:
        self._title, self._frames_per_second = title, frames_per_second
        self._pygame = _import_pygame()
        self._surface: Any = None
        self._clock: Any = None

    def __reduce__(self) -> tuple[type[Window], tuple[str, int]]:
        return Window, (self._title, self._frames_per_second)

    @property
    def is_open(self) -> bool:
        """Whether there is something on the screen."""
        return self._surface is not None

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture, answer the window system, and wait until the next one is due.

        Args:
            picture: uint8 [H, W, 3].

        Raises:
            KeyboardInterrupt: the user closed the window, which ends a program as Ctrl-C does.
            RuntimeError: there is no screen; says what to do without one.
        """
        pygame = self._pygame
        size = (picture.shape[1], picture.shape[0])
        if self._surface is None or self._surface.get_size() != size:
            self._open(size)
        # pygame's first axis is the column.
        pygame.surfarray.blit_array(self._surface, picture.transpose(1, 0, 2))
        pygame.display.flip()
        if any(event.type == pygame.QUIT for event in pygame.event.get()):
            self.close()
            raise KeyboardInterrupt("the window was closed")
        self._clock.tick(self._frames_per_second)

    def close(self) -> None:
        """Take the window off the screen; `show` opens it again."""
        if self._surface is not None:
            self._pygame.display.quit()
            self._surface = self._clock = None

    def _open(self, size: tuple[int, int]) -> None:
        """Open the window, or give it another size (width, height) in pixels."""
        try:
            self._pygame.display.init()
            self._surface = self._pygame.display.set_mode(size)
        except self._pygame.error as error:
            raise RuntimeError(
                f"no window could be opened ({error}); without a screen, make the environment with "
                'render_mode="rgb_array", or set SDL_VIDEODRIVER=dummy'
            ) from error
        self._pygame.display.set_caption(self._title)
        self._clock = self._pygame.time.Clock()


def _import_pygame() -> Any:
    """Import pygame, which few users need, where it is used."""
    try:
        import pygame
    except ImportError as error:
        raise ImportError(
            'render_mode "human" needs pygame; install it with: pip install "empathy-loop[human]", '
            'or choose render_mode "rgb_array"'
        ) from error
    return pygame
