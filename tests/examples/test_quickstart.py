"""The demo, as a newcomer runs it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_what_the_demo_prints(tmp_path):
    run = subprocess.run(
        [sys.executable, ROOT / "examples" / "plot_quickstart.py"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        env={"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        text=True,
    )
    readme = (ROOT / "README.md").read_text()
    assert f"```text\n{run.stdout}```\n" in readme
    assert (tmp_path / "quickstart.png").stat().st_size > 10_000
