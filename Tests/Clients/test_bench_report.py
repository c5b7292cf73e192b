"""`reprise bench report`: a page from stored runs, or one line that says which line of which file is wrong."""

import json

import pytest

from reprise import run

# What the first build with `--json` wrote at least; the rest has defaults.
RUN = {"label": "ours", "clients": 1000, "mode": "window 64", "verdict": "VALID", "deliveriesPerSecond": 4e6}


@pytest.fixture
def stored(tmp_path):
    """Writes runs to a file."""
    def write(*runs, name="runs.jsonl"):
        path = tmp_path / name
        path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in runs))
        return path
    return write


def test_writes_one_page_from_several_files(stored, tmp_path):
    first, second = stored(RUN, "", {**RUN, "clients": 10}), stored({**RUN, "label": "<floor>"}, name="floor.jsonl")
    page = tmp_path / "out.html"
    done = run("bench", "report", first, second, "--output", page, "--title", "A & B")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    html = page.read_text()
    assert "<title>A &amp; B</title>" in html
    assert html.count('<article id="run-') == 3
    assert "&lt;floor&gt;" in html and "<floor>" not in html


def test_a_run_that_is_not_valid_is_a_page_too(stored, tmp_path):
    page = tmp_path / "out.html"
    broken = {**RUN, "verdict": "INVALID", "failedRules": ["9 deliveries were received, 10 were expected."]}
    assert run("bench", "report", stored(broken), "--output", page).returncode == 0
    assert "9 deliveries were received, 10 were expected." in page.read_text()


@pytest.mark.parametrize("line, why", [
    ("{", "no JSON"),
    ("[]", "not a JSON object"),
    ("{}", '"clients" is missing'),
    (json.dumps({**RUN, "clients": "many"}), '"clients" does not fit'),
    (json.dumps({**RUN, "verdict": "PERHAPS"}), '"verdict" does not fit'),
])
def test_a_bad_line_is_named(stored, tmp_path, line, why):
    path, page = stored(RUN, line), tmp_path / "out.html"
    done = run("bench", "report", path, "--output", page)
    assert done.returncode == 1
    assert done.stderr == f"reprise: {path}:2: not a run of bench fanout: {why}\n"
    assert not page.exists()


def test_a_file_that_cannot_be_read_or_written_is_named(stored, tmp_path):
    missing = tmp_path / "missing.jsonl"
    done = run("bench", "report", missing, "--output", tmp_path / "out.html")
    assert (done.returncode, done.stderr) == (1, f"reprise: cannot read {missing}: no such file\n")
    nowhere = tmp_path / "no" / "out.html"
    done = run("bench", "report", stored(RUN), "--output", nowhere)
    assert (done.returncode, done.stderr) == (1, f"reprise: cannot write {nowhere}: No such file or directory\n")


@pytest.mark.parametrize("arguments", [(), ("runs.jsonl",), ("--output", "out.html"), ("-", "-", "--output", "out.html")])
def test_a_wrong_command_line_is_usage(arguments):
    assert run("bench", "report", *arguments).returncode == 64


def test_fanout_writes_the_page_of_its_run(server, tmp_path):
    page = tmp_path / "out.html"
    done = run("bench", "fanout", "--url", server.url, "--clients", 5, "--seconds", 0.2, "--warm-up", 0, "--report", page)
    assert done.returncode in (0, 4), done.stderr  # a machine that is busy makes the run INVALID, and the page too
    html = page.read_text()
    assert "5 clients, window 64" in html
    assert f"--url {server.url} --clients 5" in html


def test_fanout_says_before_the_run_that_the_page_cannot_be_written(tmp_path):
    page = tmp_path / "no" / "out.html"
    done = run("bench", "fanout", "--url", "ws://127.0.0.1:1/", "--report", page)
    assert (done.returncode, done.stderr) == (1, f"reprise: cannot write {page}: {page.parent}/ does not exist\n")
