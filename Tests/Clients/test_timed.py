"""`tools/timed`: how long the parts of `tools/test` and `.ci/run` take."""

import pathlib
import re
import signal
import subprocess

from reprise import run_script

TIMED = pathlib.Path(__file__).parents[2] / "tools/timed"


def script(folder, *parts):
    path = folder / "script"
    path.write_text("\n".join(["set -euo pipefail", f". {TIMED}", *parts]))
    return "bash", path


def timeless(text, path):
    return re.sub(r" +\d+ min +\d+ s  ", "T ", text).replace(str(path), "script").splitlines()


def test_each_part_and_all_of_it_stand_in_a_table_at_the_end(folder):
    bash, path = script(folder, "timed 'set-up' true", "WORD=hello timed tests sh -c 'echo $WORD 9 passed'")
    done = run_script(bash, path)
    assert done.returncode == 0 and not done.stderr
    assert timeless(done.stdout, path) == [
        "script:T set-up", "hello 9 passed", "script:T tests", "", "T set-up", "T tests", "T script, all of it"]


def test_a_part_that_fails_ends_the_script_and_is_named(folder):
    bash, path = script(folder, "timed first true", "timed second sh -c 'exit 7'", "timed third true")
    done = run_script(bash, path)
    assert done.returncode == 7
    assert timeless(done.stdout, path)[-3:] == ["T first", "T second  FAILED with exit code 7", "T script, all of it"]


def test_a_part_that_is_cut_off_is_named(folder):
    bash, path = script(folder, "timed first sh -c 'echo begun; kill $PPID; cat'")
    with subprocess.Popen([bash, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        shown, _ = process.communicate()
    assert process.returncode == -signal.SIGTERM
    assert timeless(shown, path)[-2:] == ["T first  was cut off", "T script, all of it"]
