"""What is generated of the client is what the API is now."""

import subprocess
import sys
from pathlib import Path


def test_the_client_is_generated_from_the_api():
    tool = [sys.executable, "-m", "tools.generate_client", "--check"]
    done = subprocess.run(
        tool, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
