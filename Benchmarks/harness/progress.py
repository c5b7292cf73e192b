"""What a long measurement says while it runs: one line that is written anew on a terminal, a line each elsewhere."""

import sys
import time


class Progress:
    """On standard error; the table goes to standard output."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._began = time.monotonic()

    def show(self, text: str) -> None:
        """What is being done now."""
        line = f"{time.monotonic() - self._began:6.0f} s  {text}"
        print(f"\r\033[K{line[:150]}" if self._is_terminal else line, end="" if self._is_terminal else "\n",
              file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """What is to stay on the screen."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Makes room for other output."""
        if self._is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
