"""The README files: their blocks are what a command prints, what they name exists, and the saved runs show what they must."""

import hashlib
import importlib.util
import re
import shlex
import tomllib

import pytest
from documents import DOCUMENTS, ROOMS, ROOT, blocks, made
from shipped import shipped

from deploybench.bench.cli import parser
from deploybench.bench.runs.store import read_run
from deploybench.exporters.artifacts.catalogue import variant_names

TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
BLOCKS = [
    block for block in blocks() if not block.command.startswith("deploybench architectures")
]  # transformers 5, too
FILE = re.compile(rf"`((?:{'|'.join(ROOMS)})/[\w./-]+\.\w+)`")
FENCED = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
LINE_OF_A_FILE = re.compile(r"\| `([\w/]+\.py)` \| `(.+)` \|")
LINK = re.compile(r"\]\(([^)#:]*)(?:#([^)]*))?\)")
APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # of the text on apache.org
RUNS = shipped("*/[0-9]*.json")
STUDIES = shipped("studies/*")

of_every_document = pytest.mark.parametrize("document", TEXTS)


def first_screen():
    """Without comments, which nobody sees."""
    return re.sub(r"<!--.*?-->\n", "", TEXTS["README.md"]).splitlines()[:40]


def slugs(text):
    """The anchors of a Markdown file's headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def shell_commands():
    return [
        (document, line)
        for document, text in TEXTS.items()
        for language, code in FENCED.findall(text)
        if language == "sh"
        for line in code.replace("\\\n", "").splitlines()
    ]


@pytest.mark.parametrize(
    ("command", "text"), [block[1:] for block in BLOCKS], ids=[f"{block.document} {block.command}" for block in BLOCKS]
)
def test_a_block_is_what_its_command_prints(command, text):
    assert text == made(command)


def test_every_kind_of_block_is_there():
    kinds = [block.command.split()[:2] for block in blocks()]

    assert [block.command.split()[0] for block in blocks() if block.document == "README.md"] == ["excerpt"]
    for kind in (["deploybench", "report"], ["deploybench", "compare"], ["deploybench", "architectures"]):
        assert kind in kinds
    assert ["python", "-m"] in kinds


def test_the_front_page_is_short_and_begins_with_both_commands_and_one_table():
    page, screen = TEXTS["README.md"].splitlines(), first_screen()
    heads = [line for line, below in zip(screen, screen[1:], strict=False) if below.startswith("|--")]
    notes = [line for line in screen if line.startswith("- ")]

    assert len(page) <= 150
    assert any(line.startswith("python3 -m pip install tox && python3 -m tox -e cpu ") for line in screen)
    assert any(line.startswith("python3 -m tox -e lint,test ") for line in screen)
    assert len(heads) == 1
    assert heads[0].count("|") - 1 <= 6
    assert 1 <= len(notes) <= 5


@of_every_document
def test_files_that_are_named_exist(document):
    lacking = [name for name in FILE.findall(TEXTS[document]) if not (ROOT / name).is_file()]

    assert not lacking


@of_every_document
def test_links_lead_somewhere(document):
    for target, anchor in LINK.findall(TEXTS[document]):
        path = (ROOT / document).parent / target if target else ROOT / document
        assert path.exists(), target
        assert not anchor or anchor in slugs(path.read_text(encoding="utf-8")), f"{target}#{anchor}"


@pytest.mark.parametrize(
    ("document", "file", "line"),
    [(document, *found) for document, text in TEXTS.items() for found in LINE_OF_A_FILE.findall(text)],
)
def test_a_line_that_is_quoted_from_a_file_stands_there(document, file, line):
    assert line in (ROOT / file).read_text(encoding="utf-8"), f"{document} quotes {file}"


@pytest.mark.parametrize(
    ("document", "line"), [found for found in shell_commands() if found[1].startswith("deploybench ")]
)
def test_commands_of_the_documents_are_understood(document, line):
    arguments = shlex.split(line.partition(" && ")[0])[1:]

    assert parser().parse_args(arguments).command == arguments[0], document


@of_every_document
def test_studies_that_are_named_exist(document):
    for name in re.findall(r"python -m (suites\.[\w.]+[a-z])", TEXTS[document]):
        assert importlib.util.find_spec(name), name


def test_every_saved_run_and_study_is_described():
    described = TEXTS["results/README.md"]
    runs = [path.name[:4] for path in RUNS if not re.search(rf"^\| [\d, ]*{path.name[:4]}", described, re.MULTILINE)]
    studies = [path.name for path in STUDIES if f"`results/studies/{path.name}`" not in described]

    assert runs == studies == []
    assert STUDIES


def test_every_study_suite_command_and_variant_is_listed():
    suites = TEXTS["suites/README.md"]
    studies = [path for path in (ROOT / "suites" / "studies").rglob("*.py") if "\ndef main(" in path.read_text("utf-8")]
    commands = {
        words[0] for _, line in shell_commands() if (words := line.split()[1:]) and line.startswith("deploybench")
    }

    files = [path.relative_to(ROOT) for path in studies]
    named = [
        (f"`python -m deploybench.{'.'.join(path.with_suffix('').parts).removesuffix('.__main__')}`", f"`{path}`")
        for path in files
    ]
    assert [names for names in named if not any(name in suites for name in names)] == []
    assert [path for path in (ROOT / "suites").glob("test_*.py") if f"`suites/{path.name}`" not in suites] == []
    assert [name for name in commands if f"| `deploybench {name}` |" not in TEXTS["bench/README.md"]] == []
    [table] = re.findall(r"^\| runtime \|.*?\n\n", TEXTS["exporters/README.md"], re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"`([^`]+)`", table)) == sorted(variant_names())


def test_every_room_is_listed():
    for package in ("bench", "exporters"):
        for folder in sorted(path.parent for path in (ROOT / package).glob("*/__init__.py")):
            assert f"`{package}/{folder.name}/`" in TEXTS[f"{package}/README.md"], folder


def test_the_licence_is_stated_and_whole():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert (project["license"], project["license-files"], project["readme"]) == ("Apache-2.0", ["LICENSE"], "README.md")
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2
    assert "[Apache-2.0](LICENSE)" in TEXTS["README.md"]


@pytest.mark.process
def test_saved_runs_hold_no_path_of_a_machine():
    for path in shipped("**/*.json"):
        assert "/work/" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name[:4])
def test_memory_rises_with_the_length_in_every_saved_run(path):
    run = read_run(path)
    peaks = {}
    for one in run.measurements:
        if one.metric in ("peak_memory", "peak_resident"):
            peaks.setdefault((one.variant, one.metric), {})[one.workload.sequence_length] = one.values[0]

    assert len(peaks) == 2 * sum(not info.failed for info in run.variants.values())
    for place, by_length in peaks.items():
        assert set(by_length) == set(run.plan.sequence_lengths), place
        rising = [by_length[length] for length in sorted(by_length)]
        assert rising == sorted(set(rising)), place
