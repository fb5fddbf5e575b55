"""A run as a page for people: what is on it, that nothing in it can run, and what a real browser makes of it."""

import base64
import errno
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deploybench.bench.analysis.misclassified.lengths import reading_length
from deploybench.bench.analysis.probability_calibration import BINS, calibration_error, reliability
from deploybench.bench.cli import main
from deploybench.bench.report.cells import text_frame
from deploybench.bench.report.formats.escapes import brief, no_formula, shown
from deploybench.bench.report.page.material import gather
from deploybench.bench.report.page.page import render_page, sections
from deploybench.bench.report.page.plot import WIDTH, as_svg, looks, styled
from deploybench.bench.report.tables import TABLES, build_tables
from deploybench.bench.runs.store import read_run
from deploybench.bench.texts.data import LabelledSet
from deploybench.exporters.errors import UserError

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "run-schema-1.json"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SCRIPT = "<script>document.title = 'ran'</script>"
IMAGE = '"><img src=x onerror="document.title = \'ran\'">'
BIDI = "\u202egnp.exe\u2066 \x1b[31m\x00\r\n $x^2$ "
TEMPLATE = "{{ 7 * 7 }}{% raw %}--></style></title><svg onload=x()>"
HOSTILE = BIDI + SCRIPT + IMAGE + TEMPLATE
LONG = "a very long line " + "x" * 1_000_000
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "section", "footer", "div", "p", "a"),
    *("h1", "h2", "h3", "ul", "li", "figure", "figcaption", "img", "table", "thead", "tbody", "tr", "th", "td"),
}


@pytest.fixture(scope="module")
def bare():
    """A run of an earlier day: no answers, no lengths, one set, one variant that failed."""
    return read_run(SAMPLE)


@pytest.fixture(scope="module")
def run(bare, tmp_path_factory):
    return with_answers(bare, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run):
    return render_page(run)


@pytest.fixture(scope="module")
def plots(run):
    return all_plots(run)


@pytest.fixture(scope="module")
def hostile_page(bare, tmp_path_factory):
    run = with_answers(hostile(bare, HOSTILE), tmp_path_factory.mktemp("hostile"))
    return render_page(run, [with_texts(run, HOSTILE + "y" * 1_000_000)])


@pytest.fixture(scope="module")
def long_page(bare):
    return render_page(hostile(bare, LONG))


@pytest.fixture(scope="module")
def bare_page(bare):
    return render_page(bare)


def all_plots(run):
    return [plot for section in sections(gather(run)) for plot in section.plots]


def answered(run, labelled):
    """Rows of a predictions file that have the very accuracies of the run."""
    for one in run.measurements:
        if one.metric == "accuracy" and one.data == labelled.name and one.confusion:
            cells = [
                (row, column)
                for row, counts in enumerate(one.confusion)
                for column, n in enumerate(counts)
                for _ in range(n)
            ]
            labels, predicted = np.array(cells).T
            logits = np.eye(len(one.confusion), dtype=np.float32)[predicted] * np.linspace(0.1, 4, len(cells))[:, None]
            columns = {f"logit_{index}": logits[:, index].astype(np.float32) for index in range(logits.shape[1])}
            rows = [f"{place:016x}" for place in range(len(cells))]
            lengths = np.arange(len(cells), dtype=np.int32) * 3 + 2
            yield pd.DataFrame(
                {
                    "set": labelled.name,
                    "row": rows,
                    "label": labels,
                    "tokens": lengths,
                    "variant": one.variant,
                    **columns,
                }
            )


def with_answers(run, folder, *, tokens=True):
    """The run with every example's answers beside it."""
    frame = pd.concat([part for labelled in run.sets for part in answered(run, labelled)])
    frame = frame if tokens else frame.drop(columns="tokens")
    frame.to_parquet(folder / "answers.parquet", index=False)
    return replace(run, path=folder / "0001_run.json", predictions="answers.parquet")


def with_texts(run, text):
    """A set whose texts begin with ``text``, to which the answers are made to belong."""
    file = run.path.parent / run.predictions
    frame = pd.read_parquet(file)
    labels = frame.drop_duplicates("row").set_index("row")["label"]
    texts = [text + f" {number}" for number in range(len(labels))]
    labelled = LabelledSet(
        name=run.sets[0].name,
        texts=tuple(texts),
        labels=tuple(labels.tolist()),
        label_names=run.checkpoint.labels,
        dropped=(),
    )
    frame["row"] = frame["row"].map(dict(zip(labels.index, labelled.row_hashes, strict=True)))
    frame.to_parquet(file, index=False)
    return labelled


def with_sets(run, *names):
    sets = tuple(replace(run.sets[0], name=name, summary=f"{name} of texts") for name in names)
    others = [found for found in run.measurements if not found.data]
    scored = [replace(found, data=name) for found in run.measurements if found.data for name in names]
    return replace(run, sets=sets, measurements=(*others, *scored))


def with_labels(run, labels):
    size = len(labels)
    matrix = tuple(tuple(9 if row == column else row % 2 for column in range(size)) for row in range(size))
    right = sum(matrix[index][index] for index in range(size)) / sum(map(sum, matrix))
    changed = (
        replace(one, confusion=matrix, values=(right,)) if one.metric == "accuracy" and one.confusion else one
        for one in run.measurements
    )
    return replace(run, checkpoint=replace(run.checkpoint, labels=tuple(labels)), measurements=tuple(changed))


def slower(measurement, factor):
    return {} if measurement.data else {"values": tuple(np.multiply(measurement.values, factor).tolist())}


def with_variants(run, number):
    """The run with so many variants, each with a long name."""
    names = ["torch-eager", *(f"runtime-{place:02}-int8-dynamic-bf16" for place in range(1, number))]
    like = [one for one in run.measurements if one.variant == "torch-eager"]
    factor = {name: 1 + place / 7 for place, name in enumerate(names)}
    copies = [replace(one, variant=name, **slower(one, factor[name])) for name in names for one in like]
    info = run.variants["torch-eager"]
    plan = replace(run.plan, variants=tuple(names))
    return replace(run, plan=plan, variants=dict.fromkeys(names, info), measurements=tuple(copies))


def hostile(run, text):
    """The run with a text wherever anybody may have chosen it."""
    run = with_sets(with_labels(run, ("real", text)), text, f"{text} too")
    failed = replace(run.variants["torchscript"], failed=text, deprecated=text)
    noted = replace(run.variants["onnx-fp32"], notes=(text,), executed_problem=text, precision=text)
    return replace(
        run,
        checkpoint=replace(run.checkpoint, name=text, model_type=text, sha256=text),
        variants={**run.variants, "torchscript": failed, "onnx-fp32": noted},
        environment={"cpu": text, "versions": {text: text}, "isa": [text]},
    )


class Reader(HTMLParser):
    """What is in a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.attributes, self.texts, self.inside = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        self.inside = tag

    def handle_data(self, data):
        if self.inside != "style":
            self.texts.append(data)

    def of(self, tag, name):
        return [value for element, key, value in self.attributes if (element, key) == (tag, name)]


def words(text):
    return " ".join(" ".join(Reader(text).texts).split())


# what is on it


def test_the_page_begins_with_the_answer_and_has_all_parts_in_order(page):
    heads = re.findall(r'<h2 id="[^"]+">(.*?)</h2>', page)

    assert heads == [
        *("Summary", "Accuracy against cost", "Latency by batch", "Memory by sequence length", "Accuracy"),
        *(
            "Fidelity to the reference",
            "Misclassified texts",
            "Probability calibration",
            "Lengths of the texts",
            "Environment and provenance",
        ),
    ]
    assert page.index("Take openvino-fp32: 110 ms for 1 text of 128 tokens, 1.39 times as fast") < page.index("<h2")
    assert [f"#{name}" for name in re.findall(r'<h2 id="([^"]+)"', page)] == Reader(page).of("a", "href")


def test_every_table_stands_on_it_as_in_the_other_formats(run, page):
    cells = Reader(page).texts
    for table in chain(*build_tables(run, TABLES).values()):
        for row in text_frame(table).itertuples(index=False, name=None):
            assert set(map(no_formula, row)) <= set(cells)
        assert set(table.notes) <= set(cells)


def test_every_plot_is_a_picture_in_the_page_with_words_for_who_cannot_see_it(page, plots):
    reader = Reader(page)
    sources = reader.of("img", "src")

    assert [plot.name for plot in plots] == [
        *("pareto-latency", "pareto-peak-memory", "pareto-size-on-disk", "latency-by-batch", "memory-heap"),
        *("memory-resident", "confusion-1", "reliability-1", "lengths"),
    ]
    assert [plot.words for plot in plots] == reader.of("img", "alt")
    assert [base64.b64decode(one.removeprefix("data:image/svg+xml;base64,")) for one in sources] == list(
        map(as_svg, plots)
    )


def test_the_variant_to_take_is_marked_in_every_table(page):
    assert page.count('<tr class="taken">') == page.count(">openvino-fp32</div></th>")


def test_none_is_taken_where_nothing_is_sure(bare_page):
    text = words(bare_page)

    assert "Take none: no variant is certain to lose at most 0.01 of accuracy." in text
    assert "There is no plot: accuracy loss is known only where predictions were saved." in text
    assert "is not beside" in text


def test_a_run_without_answers_or_lengths_says_so(bare, bare_page, tmp_path):
    parts = {one.title: one for one in sections(gather(with_answers(bare, tmp_path, tokens=False)))}

    assert "The run saved no predictions." in bare_page
    assert "The run was saved before lengths of texts were kept" in bare_page
    assert parts["Lengths of the texts"].text.startswith("The run was saved before lengths of texts were kept")
    assert parts["Probability calibration"].plots


def test_random_weights_are_judged_by_their_labels_alone(bare):
    run = replace(
        bare,
        checkpoint=replace(bare.checkpoint, random_weights=True),
        sets=(),
        measurements=tuple(one for one in bare.measurements if not one.data),
    )
    parity = {"max_abs_diff": 0.0, "agreement": 1.0, "examples": 64.0}
    run = replace(
        run, variants={name: replace(info, parity=info.parity or parity) for name, info in run.variants.items()}
    )
    text = words(render_page(run))

    assert "Take openvino-fp32: 110 ms for 1 text of 128 tokens, 1.39 times as fast as torch-eager" in text
    assert "its labels differ from torch-eager's on 0.000 of the texts of the parity test" in text
    assert "The run has no labelled set." in text


def test_a_run_of_which_everything_failed_is_a_page(bare):
    failed = {name: replace(info, failed="out of memory") for name, info in bare.variants.items()}
    text = render_page(replace(bare, variants=failed, measurements=()))

    assert "Take none" in text
    assert "<img" not in text


def test_a_matrix_of_many_labels_is_small_and_says_so_in_words(bare, tmp_path):
    plan = replace(bare.plan, variants=("torch-eager", "onnx-fp32"))
    labelled = with_labels(replace(bare, plan=plan), [f"label {place}" for place in range(22)])
    found = all_plots(with_answers(with_sets(labelled, "one", "two"), tmp_path))
    matrices = [plot for plot in found if plot.name.startswith("confusion")]

    assert [plot.title for plot in matrices] == ["Confusion on one", "Confusion on two"]
    assert "torch-eager: 198 of 429 right" in matrices[0].words
    assert len(as_svg(matrices[0])) < 100_000


def test_a_page_is_ascii_so_that_no_encoding_can_spoil_it(bare):
    text = render_page(replace(bare, checkpoint=replace(bare.checkpoint, name="名前 ×")))

    assert text.isascii()
    assert "Deploying 名前 ×" in Reader(text).texts


@pytest.mark.process
def test_the_same_run_is_the_same_bytes_in_another_process(run, page):
    code = (
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "from deploybench.bench.runs.store import read_run; from deploybench.bench.report.page.page import render_page\n"
        "run = replace(read_run(sys.argv[1]), path=Path(sys.argv[2]), predictions='answers.parquet')\n"
        "sys.stdout.write(render_page(run))"
    )
    command = [sys.executable, "-c", code, str(SAMPLE), str(run.path)]
    other = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    )

    assert other.stdout == page


# plots


def drawn(plot):
    """The canvas of a plot, and every text on it with its place in dots."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    with styled():
        figure = Figure(figsize=(WIDTH, plot.height), layout="constrained")
        plot.draw(figure)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    beyond = set(ticks_beyond_the_axes(figure))
    texts = [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip() and one not in beyond]
    return canvas, [(one.get_text(), one.get_window_extent(canvas.get_renderer())) for one in texts]


def ticks_beyond_the_axes(figure):
    """They are there, and are not drawn."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            yield from (one.label1 for one in axis.get_major_ticks() if not low <= one.get_loc() <= high)


@pytest.mark.parametrize("labels", [("real", "fake"), ("trustworthy", "misinformation"), ("a", "none of both", "c")])
def test_no_text_lies_on_another_or_is_cut_with_twelve_variants(bare, tmp_path, labels):
    labelled = with_labels(with_variants(bare, 12), labels)
    sets = with_sets(labelled, "a-set-with-a-name-of-forty-letters-or-more", "b")
    for plot in all_plots(with_answers(sets, tmp_path)):
        canvas, texts = drawn(plot)
        width, height = canvas.get_width_height()
        for text, box in texts:
            assert box.x0 > -1, (plot.name, text)
            assert box.y0 > -1, (plot.name, text)
            assert box.x1 < width + 1, (plot.name, text)
            assert box.y1 < height + 1, (plot.name, text)
        for (text, box), (other, beside) in combinations(texts, 2):
            assert not box.overlaps(beside), (plot.name, text, other)


def test_every_variant_looks_like_no_other_in_all_plots():
    names = [f"variant {place}" for place in range(24)]
    found = looks(names)

    assert len({(look.colour, look.marker) for look in found.values()}) == len(names)


def test_an_svg_is_well_formed_says_what_it_is_and_no_date(hostile_page):
    reader = Reader(hostile_page)
    for source, told in zip(reader.of("img", "src"), reader.of("img", "alt"), strict=True):
        content = base64.b64decode(source.partition(",")[2])
        root = ET.fromstring(content)

        assert "script" not in {one.tag.rpartition("}")[2] for one in root.iter()}
        assert root.findtext("{http://www.w3.org/2000/svg}title")
        assert told in "".join(root.itertext())
        assert b"<dc:date>" not in content


def test_a_dollar_sign_is_no_formula(bare):
    plot = next(one for one in all_plots(with_labels(bare, ("$\\frac{", "$$"))) if one.name == "confusion-1")

    assert "$\\frac{" in [text for text, _ in drawn(plot)[1]]


def test_anybodys_matplotlibrc_changes_nothing(plots):
    import matplotlib as mpl

    expected = as_svg(plots[0])
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert as_svg(plots[0]) == expected
        assert mpl.rcParams["font.size"] == 30


def test_the_bins_of_a_reliability_diagram_are_those_of_the_calibration_error():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet((1, 1, 1), size=500)
    labels = rng.integers(0, 3, size=500)
    bins = reliability(chances, labels)

    assert sum(one.texts for one in bins) == 500
    assert all(one.low <= one.confidence <= one.low + 1 / BINS for one in bins)
    assert sum(one.texts * abs(one.accuracy - one.confidence) for one in bins) / 500 == pytest.approx(
        calibration_error(chances, labels)
    )


def test_the_words_of_the_lengths_say_how_many_texts_are_cut(run, plots):
    limit = reading_length(run)
    cut = sum(place * 3 + 2 > limit for place in range(268))

    assert cut > 0
    assert f"{cut} of 268 are truncated at {limit}" in plots[-1].words


# names that anybody may have chosen


def test_a_name_is_a_text_and_nothing_else(hostile_page):
    reader = Reader(hostile_page)

    assert set(reader.elements) <= ELEMENTS
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    assert {one.partition(",")[0] for one in reader.of("img", "src")} == {"data:image/svg+xml;base64"}
    assert all(one.isprintable() for line in reader.texts for one in line.replace("\n", ""))
    assert f"Deploying {shown(HOSTILE)}" in "".join(reader.texts)


def test_a_pasted_table_computes_nothing(bare):
    page = render_page(hostile(bare, "=1+1"))
    cells = re.findall(r'<div class="cell">(.*?)</div>', page)

    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    assert no_formula("-0.010") == "-0.010"
    assert no_formula("+0.001 ±0.002") == "+0.001 ±0.002"
    assert no_formula("-cmd") == "'-cmd"


def test_a_line_of_a_megabyte_is_cut_and_says_so(long_page):
    page = long_page

    assert len(page) < 3_000_000
    assert "… (1,000,017 characters)" in "".join(Reader(page).texts)
    assert max(map(len, Reader(page).texts)) < 1_200
    assert len(brief(LONG)) == 24


def test_the_policy_lets_nothing_run_and_nothing_load(page):
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!data:image/svg|#)""", page)


# the command line


@pytest.mark.parametrize("fmt", ["html", "text", "json"])
def test_output_is_what_would_be_printed(tmp_path, capsys, fmt):
    assert main(["report", str(SAMPLE), "--format", fmt]) == 0
    printed = capsys.readouterr().out
    assert main(["report", str(SAMPLE), "--format", fmt, "-o", str(tmp_path / "out")]) == 0

    assert (tmp_path / "out").read_text(encoding="utf-8") == printed
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_output_replaces_no_folder_and_no_device(tmp_path, capsys):
    for target in (tmp_path, Path("/dev/null"), tmp_path / "missing" / "page.html"):
        assert main(["report", str(SAMPLE), "--output", str(target)]) == 2
        assert "--output: " in capsys.readouterr().err

    assert Path("/dev/null").is_char_device()


def test_a_page_has_no_choice_of_tables(capsys):
    assert main(["report", str(SAMPLE), "--format", "html", "--table", "summary"]) == 2
    assert "--table: an HTML page has all tables" in capsys.readouterr().err


def test_plots_are_written_as_svg_and_png(tmp_path, capsys):
    assert main(["report", str(SAMPLE), "--plots", str(tmp_path / "new" / "plots"), "--table", "summary"]) == 0
    names = sorted(path.name for path in (tmp_path / "new" / "plots").iterdir())

    assert names == [
        f"{name}.{kind}"
        for name in ("confusion-1", "latency-by-batch", "memory-heap", "memory-resident")
        for kind in ("png", "svg")
    ]
    captured = capsys.readouterr()
    assert "Summary" in captured.out
    assert "written: 8 files" in captured.err


def test_plots_replace_no_file(tmp_path, capsys):
    (tmp_path / "plots").write_text("somebody's")

    assert main(["report", str(SAMPLE), "--plots", str(tmp_path / "plots"), "--table", "summary"]) == 2
    assert "--plots: found the file" in capsys.readouterr().err
    assert (tmp_path / "plots").read_text() == "somebody's"


def test_a_full_disk_is_one_line_with_the_file(tmp_path, monkeypatch, capsys):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("deploybench.exporters.files.os.fsync", lambda _: (_ for _ in ()).throw(full))
    page = tmp_path / "page.html"

    assert main(["report", str(SAMPLE), "--format", "html", "--output", str(page)]) == 2
    assert capsys.readouterr().err == (
        f"deploybench: error: {page}: cannot be written (No space left on device); make room, or name another place\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_torn_write_leaves_no_plot(tmp_path, monkeypatch):
    monkeypatch.setattr("deploybench.exporters.files.os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))

    assert main(["report", str(SAMPLE), "--plots", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.process
def test_other_commands_load_neither_matplotlib_nor_jinja():
    code = "import sys, deploybench.bench.cli, deploybench.bench.report.page.page; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"matplotlib", "jinja2", "markupsafe", "pandas", "torch"} & set(modules)


# in a real browser


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine; Debian's package is called chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))


class Visit:
    """A page in a browser, and all that it wanted of the world."""

    def __init__(self, browser, text, folder, width=1280, **settings):
        (folder / "page.html").write_text(text, encoding="utf-8")
        self.said, self.asked = [], []
        self.page = browser.new_page(viewport={"width": width, "height": 800}, **settings)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto((folder / "page.html").as_uri())

    def find(self, code):
        return self.page.evaluate(code)


@pytest.fixture
def visit(browser, tmp_path):
    visits = []

    def go(text, **settings):
        visits.append(Visit(browser, text, tmp_path, **settings))
        return visits[-1]

    yield go
    for one in visits:
        one.page.close()


PICTURES = "[...document.images].map(one => one.complete && one.naturalWidth > 0)"
BROAD = "document.scrollingElement.scrollWidth"
SCROLLING = "[...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth).length"

BROKEN = """() => {
    const lines = (text, word) => {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        return range.getClientRects().length;
    };
    const broken = text => [...text.data.matchAll(/[^\\s-]+/g)].some(word => lines(text, word) > 1);
    return [...document.querySelectorAll("thead .cell")].filter(head => broken(head.firstChild)).length;
}"""


@pytest.fixture(params=["page", "hostile_page", "long_page", "bare_page"])
def any_page(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_draws_every_plot_says_nothing_and_scrolls_only_tables(visit, any_page, width):
    seen = visit(any_page, width=width)

    assert seen.find(PICTURES) == [True] * any_page.count("<img ")
    assert seen.find(BROAD) <= width
    assert seen.find("document.scripts.length") == 0
    assert seen.find("document.title").startswith("deploybench: ")
    assert seen.said == []
    assert [url.partition(":")[0] for url in seen.asked if not url.startswith("data:image/svg+xml;base64,")] == ["file"]


def test_a_wide_table_scrolls_in_its_own_box_on_a_telephone(visit, page):
    assert visit(page, width=390).find(SCROLLING) > 3


def test_letters_can_be_read_on_a_telephone(visit, page):
    seen = visit(page, width=390)
    sizes = seen.find("[...document.querySelectorAll('body *')].map(one => parseFloat(getComputedStyle(one).fontSize))")
    scale = seen.find("document.images[0].clientWidth / document.images[0].naturalWidth")

    assert min(sizes) >= 13
    assert scale * 9 * 96 / 72 >= 8  # of a legend, in pixels


def test_no_head_of_a_table_is_broken_amid_a_word(visit, page):
    assert visit(page).find(BROKEN) == 0
    assert visit(page, width=390).find(BROKEN) == 0


def test_a_page_can_be_printed_with_nothing_cut(visit, page, tmp_path):
    seen = visit(page)
    printed = seen.page.pdf(prefer_css_page_size=True)
    seen.page.emulate_media(media="print")
    seen.page.set_viewport_size({"width": 1032, "height": 720})  # A4 across, less its margins

    assert printed.startswith(b"%PDF")
    assert seen.find(BROAD) <= 1032
    assert seen.find(SCROLLING) == 0


def test_what_is_dark_for_others_is_dark_here(visit, page):
    colour = "getComputedStyle(document.body).backgroundColor"

    assert visit(page, color_scheme="dark").find(colour) != visit(page, color_scheme="light").find(colour)


def test_the_policy_stops_what_would_get_in(visit, page):
    """Were something not escaped one day."""
    picture = "<img src='https://example.invalid/a.png' onerror='document.title = 1'>"
    seen = visit(page.replace("<main>", f"<main>{SCRIPT}{picture}"))

    assert seen.find("document.title") == "deploybench: albert-base-newsmix"
    assert "Content Security Policy" in "".join(seen.said)


@pytest.mark.process
def test_errors_are_shown_with_the_beginning_of_their_texts(run, tmp_path):
    """A saved run has hashes alone; the texts come from the files, and only their beginning."""
    bare = with_answers(run, tmp_path)
    without = words(render_page(bare))
    labelled = with_texts(bare, "Once upon a time " + "z" * 5_000)
    bare = replace(bare)  # read anew: its file has changed
    text = words(render_page(bare, [labelled]))

    assert "a saved run holds no texts, only their hashes" in without
    assert "Once upon a time" in text
    assert "z" * 400 not in text
    wrong = next(
        example for one in gather(bare, [labelled]).errors for way in one.directions for example in way.examples
    )
    assert wrong.row in text
    assert wrong.row in labelled.row_hashes


def test_texts_of_another_set_are_refused(run, tmp_path):
    bare = with_answers(run, tmp_path)
    labelled = replace(with_texts(bare, "A text"), texts=("other",), labels=(0,))
    with pytest.raises(UserError):
        render_page(bare, [labelled])
