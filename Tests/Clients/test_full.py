"""`tools/full` with other runs than its own, in projects of a few files."""

import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from reprise import environment, eventually, run_script

ROOT = pathlib.Path(__file__).parents[2]
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"} | {
    f"GIT_{who}_{what}": "somebody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def timeless(text):
    return re.sub(r"(\d+ min )?\d+ s\b", "T", text)


class Project:
    """A git repository with the tool, and a list of runs beside it."""

    def __init__(self, folder):
        self.folder, self.root, self.list = folder, folder / "project", folder / "runs"
        self.env = {key: value for key, value in environment(GIT).items() if key in GIT or not key.startswith("GIT_")}
        (self.root / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools/full", self.root / "tools/full")
        self.git("init", "--quiet")
        self.commit("begins", {
            ".gitignore": ".build*/\n", "Sources/Event.swift": "struct Event {}\n", "README.md": "# Project\n"})

    def git(self, *arguments):
        return subprocess.run(
            ["git", *arguments], cwd=self.root, env=self.env, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, subject, files):
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", subject)

    @property
    def head(self):
        return self.git("rev-parse", "--short", "HEAD")

    def runs(self, **scripts):
        """Each run notes that it began, and then does what its script says."""
        lines = (f"{name} sh -c " + shlex.quote(f"echo {name} >> {self.folder}/begun; {script}") for name, script in scripts.items())
        self.list.write_text("\n".join(lines))

    @property
    def begun(self):
        path = self.folder / "begun"
        return path.read_text().split() if path.exists() else []

    @property
    def command(self):
        return self.root / "tools/full", "--runs", self.list

    def full(self, *arguments, code=0, **env):
        done = run_script(*self.command, *arguments, env=self.env | env)
        assert done.returncode == code, done.stdout + done.stderr
        return timeless(done.stdout + done.stderr)

    def states(self):
        return {state["name"]: state for state in map(json.loads, self.full("--json").splitlines())}

    def results(self):
        return {name: state["result"] for name, state in self.states().items()}

    @contextlib.contextmanager
    def at_work(self, name):
        """The tool, where this run is the one that has begun."""
        with subprocess.Popen(self.command, env=self.env, stdout=subprocess.PIPE, text=True) as process:
            try:
                eventually(lambda: self.begun[-1:] == [name], f"{name} begins")
                yield process
            finally:
                process.kill()

    def waits_for(self, name):
        """A script that goes on when the file is there; until then it can only be ended."""
        os.mkfifo(self.folder / f"{name}.fifo")
        return f"test -e {self.folder}/{name} || {{ echo $$ > {self.folder}/{name}.pid; cat {self.folder}/{name}.fifo; }}"

    def is_waiting(self, name):
        """Whether the process that waits for this file is still there."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            pid = (self.folder / f"{name}.pid").read_text().strip()
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return False


@pytest.fixture
def project(folder):
    return Project(folder)


def test_everything_runs_in_the_order_of_the_list_and_what_held_is_not_run_again(project):
    project.runs(second="echo all is well", first="true")
    assert "2 of 2 runs held" in project.full()
    assert project.begun == ["second", "first"]
    assert (project.root / f".build/full/{project.head}/second.log").read_text() == "all is well\n"

    assert "second held in T" in project.full()
    assert project.begun == ["second", "first"]


def test_a_run_that_fails_is_shown_and_the_others_still_run(project):
    project.runs(bad="seq 100; exit 7", good="true")
    shown = project.full(code=2)
    assert project.begun == ["bad", "good"]
    assert "bad … FAILED after T with exit code 7\n    81\n" in shown and "    100\n" in shown
    assert f"whole output: .build/full/{project.head}/bad.log" in shown and "1 of 2 runs held; FAILED: bad" in shown


def test_what_failed_is_tried_again_after_what_has_not_been_run_yet(project):
    project.runs(flaky=f"test -e {project.folder}/mended", later="true")
    project.full("flaky", code=2)
    (project.folder / "mended").touch()
    project.full()
    assert project.begun == ["flaky", "later", "flaky"]
    assert "flaky                      held in T; earlier: FAILED after T with exit code 1" in project.full("--list")
    assert (project.root / f".build/full/{project.head}/flaky.1.log").exists(), "what it said when it failed is kept"


def test_a_command_that_is_not_there_could_not_run(project):
    project.runs(good="true")
    project.list.write_text("gone tools/gone\n" + project.list.read_text())
    shown = project.full(code=1)
    assert "gone … could not run after T" in shown and "tools/gone: No such file" in shown
    assert project.results() == {"gone": "could not run", "good": "held"}


def test_it_goes_on_where_it_was_killed(project):
    project.runs(one="true", two=project.waits_for("signal"), three="true")
    with project.at_work("two") as process:
        eventually(lambda: project.is_waiting("signal"), "it waits")
        process.send_signal(signal.SIGKILL)
        process.wait()
        eventually(lambda: not project.is_waiting("signal"), "the run ends, although nobody was left to end it")
    eventually(lambda: project.results()["two"] == "was cut off", "the folder is free", deadline=60)
    assert project.results() == {"one": "held", "two": "was cut off", "three": "not run"}

    (project.folder / "signal").touch()
    project.full()
    assert project.begun == ["one", "two", "two", "three"]
    assert set(project.results().values()) == {"held"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_its_children_and_says_so(project, number):
    project.runs(one=f"({project.waits_for('signal')}); true", two="true")
    with project.at_work("one") as process:
        eventually(lambda: project.is_waiting("signal"), "it waits")
        process.send_signal(number)
        assert process.wait() == 130
        assert timeless(process.stdout.read()) == "one … was cut off after T; stopped\n"
        assert not project.is_waiting("signal")
    assert project.results() == {"one": "was cut off", "two": "not run"}


def test_two_at_a_time_are_refused(project):
    project.runs(one=project.waits_for("signal"))
    with project.at_work("one") as process:
        assert f"process {process.pid} is at work here" in project.full(code=1)
        assert "one                        runs since 2" in project.full("--list")
        assert project.begun == ["one"]


def test_a_working_tree_with_changes_is_refused(project):
    project.runs(one="true")
    (project.root / "Sources/Event.swift").write_text("struct Fact {}\n")
    shown = project.full(code=1)
    assert f"would not be of {project.head}; commit, or put away with `git stash -u`:\n   M Sources/Event.swift" in shown
    project.git("stash", "--quiet")
    (project.root / "Sources/Position.swift").touch()
    assert "?? Sources/Position.swift" in project.full(code=1)
    project.git("stash", "--quiet", "-u")
    (project.root / "notes").touch()
    assert "1 of 1 runs held" in project.full(), "a file that no build reads is nobody's business"


def test_a_result_is_not_kept_as_one_of_the_commit_when_the_tree_changes_meanwhile(project):
    project.runs(one="echo // >> Sources/Event.swift", two="true")
    assert "M Sources/Event.swift" in project.full(code=1)
    assert project.results() == {"one": "was cut off", "two": "not run"}


def test_results_count_as_long_as_only_documents_and_tests_change(project):
    project.runs(one="true", two="true")
    measured = project.head
    project.full("one")
    project.commit("says more", {"README.md": "# The project\n", "Sources/Notes.md": "…", "Tests/test_event.py": "pass\n"})
    assert f"one                        held in T; of {measured}\n" in project.full("--list")
    project.full()
    assert project.begun == ["one", "two"]
    assert {name: state["commit"] for name, state in project.states().items()} == {"one": measured, "two": project.head}

    project.full("--again", "one")
    again = project.head
    project.commit("says even more", {"README.md": "# This project\n"})
    assert project.states()["one"]["commit"] == again, "the newest result is the one that counts"

    project.commit("does more", {"Sources/Event.swift": "enum Event {}\n"})
    assert project.results() == {"one": "not run", "two": "not run"}
    project.git("checkout", "--quiet", measured)
    assert project.results() == {"one": "held", "two": "not run"}, "what came later says nothing of what was before"


def test_a_result_of_another_command_does_not_count(project):
    project.runs(sim="echo 100 seeds")
    project.full()
    project.runs(sim="echo 10000 seeds")
    assert project.results() == {"sim": "not run"}


def test_named_runs_run_alone_and_again_when_told_to(project):
    project.runs(one="true", two="true", three="true")
    project.full("t*")
    project.full("two")
    project.full("--again", "two")
    assert project.begun == ["two", "three", "two"]
    assert "there is no run 'four'; there are one, two, three" in project.full("four", code=64)


def test_the_summary_is_a_table_with_what_each_run_said_last(project):
    project.runs(one="printf '12 passed in 3 s\\nsum | 4 s\\n'", two="echo 'a | b'; exit 2", three="true")
    project.full("one", "two", code=2)
    lines = project.full("--summary").splitlines()
    assert lines[0].startswith(f"`tools/full` on {project.head}: 1 of 3 runs held, in T ({os.cpu_count()} cores, ")
    assert [line.rsplit(" | ", 3)[1:] for line in lines[4:]] == [
        ["held", "T", "12 passed in T |"], ["FAILED with exit code 2", "T", "a \\| b |"], ["not run", "", " |"]]
    state = project.states()["two"]
    assert state["exit"] == 2 and state["line"] == "a | b" and state["commit"] == project.head and state["began"]


def test_all_output_is_shown_on_request(project):
    project.runs(one="echo out; echo error >&2")
    assert "one …\nout\nerror\none held in T\n" in project.full("--verbose")


def test_settings_of_whoever_starts_it_do_not_reach_the_runs(project):
    project.runs(one='test -z "$REPRISE_BINARY"')
    project.full(REPRISE_BINARY="/bin/false")


def test_the_list_names_tools_that_exist_and_a_run_for_each_fuzzer(project):
    fuzzers = {path.name for path in (ROOT / "Tests/Fuzz").iterdir()}
    project.commit("has fuzzers", {f"Tests/Fuzz/{name}/empty": "" for name in fuzzers})
    done = run_script(project.root / "tools/full", "--json", "--runs", ROOT / "tools/full-runs", env=project.env)
    commands = [json.loads(line)["command"] for line in done.stdout.splitlines()]
    assert all(os.access(ROOT / command[0], os.X_OK) for command in commands)
    assert {command[1] for command in commands if command[0] == "tools/fuzz"} == fuzzers | {"smoke"}
