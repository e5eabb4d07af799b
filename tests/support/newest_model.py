"""Compares our facts with the newest release of botocore: `python -m tests.support.newest_model`. Needs the network."""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path


def main() -> int:
    """The exit code of the comparison, in an environment that is made for it and thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", "botocore"], check=True)
        environment = {**os.environ, "AIOLAMBDA_MODEL_PYTHON": str(python)}
        root = Path(__file__).parents[2]
        tests = [sys.executable, "-m", "pytest", "-q", "tests/protocol/test_model.py"]
        return subprocess.run(tests, cwd=root, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
