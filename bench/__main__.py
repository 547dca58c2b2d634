"""`python -m bench`: every measurement there is, one after the other.

Options are those of the first, `bench.side_by_side`. It fails if one of them misses its figure.
"""

import subprocess
import sys

PARTS = (
    "bench.side_by_side",
    "bench.command",
    "bench.lists",
    "bench.streams",
    "bench.pages",
    "bench.consoles",
)


def main() -> int:
    missed = []
    for part in PARTS:
        print(f"\n== {part}\n", flush=True)
        options = sys.argv[1:] if part == PARTS[0] else []
        done = subprocess.run([sys.executable, "-m", part, *options], check=False)
        if done.returncode:
            missed.append(part)
    if missed:
        print(f"\nMissed: {', '.join(missed)}")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
