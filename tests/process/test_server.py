"""The server beside an artifact, in a process of its own: what it answers, what it refuses, and how it ends."""

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from deploybench.bench.worker.client import Worker
from deploybench.exporters.checkpoints.tokenization import Tokeniser, cut_texts_at
from deploybench.exporters.serving.server_folder import is_server_changed, write_server

LENGTH = 64
TEXTS = [
    "The minister said on Tuesday that the budget had passed.",
    "You won't believe what they hide from you!!!",
    "Rain.",
    "Officials confirmed the figures. " * 30,
]
FIRST = {"inputs": TEXTS[0]}


class Server:
    """A running server and its log."""

    def __init__(self, folder, *flags):
        command = [sys.executable, "-m", "server", "--port=0", "--threads=1", *flags]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self.process.stdout:  # a runtime may warn while it loads
            if line.startswith("serving at"):
                break
        else:
            pytest.fail("the server did not start")
        self.log = []
        self.port = int(line.rsplit(":", 1)[1])
        self._reading = threading.Thread(target=lambda: self.log.extend(self.process.stdout), daemon=True)
        self._reading.start()

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def predict(self, content, **headers):
        """Status and parsed body of an answer to /predict."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        status, _, answer = self.ask("POST", "/predict", body, headers)
        return status, json.loads(answer)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(60)
        self._reading.join()
        return code


@pytest.fixture(scope="module")
def served(artifacts, tmp_path_factory):
    """A folder with an artifact and its server, by variant."""

    def made(variant):
        folder = shutil.copytree(artifacts(variant), tmp_path_factory.mktemp("served") / variant)
        cut_texts_at(LENGTH, folder / "tokenizer")
        write_server(folder, folder)
        return folder

    return made


@pytest.fixture(scope="module")
def onnx(served):
    return served("onnx-fp32")


@pytest.fixture(scope="module")
def server(onnx):
    running = Server(onnx)
    yield running
    assert running.end() == 0


def probabilities(folder, variant):
    """Of the tool's own predictor, each text by itself."""
    ids, _ = Tokeniser(folder / "tokenizer", LENGTH)(TEXTS)
    with Worker(variant, 1) as worker:
        worker.start(variant, folder, 1)
        found = worker.predict([(np.array([one]), np.ones((1, len(one)), dtype=np.int64)) for one in ids])
    return np.array([np.exp(logits) / np.exp(logits).sum() for [logits], _ in found])


@pytest.mark.parametrize(
    "variant", ["linear-tokens", "onnx-fp32", "openvino-fp32", "torch-eager", "torch-int8-dynamic", "torchscript"]
)
def test_it_answers_as_the_predictor_does(served, variant):
    folder = served(variant)
    expected = probabilities(folder, variant)
    running = Server(folder, "--instances=2")
    status, alone = running.predict(FIRST)
    assert status == 200
    status, batch = running.predict({"inputs": [[text] for text in TEXTS]})
    assert status == 200
    assert running.end() == 0

    atol = 0.02 if "int8" in variant else 1e-5  # quantised together with others, activations have another scale
    for found, right in zip([alone, *batch], [expected[0], *expected], strict=True):
        assert [one["label"] for one in found] == [("real", "fake")[place] for place in np.argsort(-right)]
        np.testing.assert_allclose([one["score"] for one in found], np.sort(right)[::-1], rtol=0, atol=atol)


def test_raw_scores_are_logits(server):
    _, chances = server.predict(FIRST)
    _, logits = server.predict({**FIRST, "raw_scores": True})
    raw = np.array([one["score"] for one in logits])

    np.testing.assert_allclose([one["score"] for one in chances], np.exp(raw) / np.exp(raw).sum(), atol=1e-9)


def test_what_is_served(server):
    status, _, body = server.ask("GET", "/info")
    assert (status, server.ask("GET", "/health")[0]) == (200, 200)
    assert json.loads(body) == {
        "model_id": "onnx-fp32",
        "task": "single-label",
        "labels": ["real", "fake"],
        "thresholds": [],
        "max_input_length": LENGTH,
        "pairs": False,
    }


BAD = [
    (b"", 400, "no JSON"),
    (b"{", 400, "no JSON"),
    (b"\xff", 400, "no JSON"),
    (b"[" * 100_000, 400, "no JSON"),
    (b'{"inputs": 1' + b"0" * 5000 + b"}", 400, "no JSON"),
    ({}, 422, "no inputs"),
    ([], 422, "no inputs"),
    ("text", 422, "no inputs"),
    ({"inputs": None}, 422, "another kind"),
    ({"inputs": 3}, 422, "another kind"),
    ({"inputs": []}, 422, "another kind"),
    ({"inputs": [[]]}, 422, "another kind"),
    ({"inputs": [["a"], "b"]}, 422, "another kind"),
    ({"inputs": [["a", "b", "c"]]}, 422, "another kind"),
    ({"inputs": [["a", 1]]}, 422, "another kind"),
    ({"inputs": ["a", "b"]}, 422, "found a pair, and this model reads one text"),
    ({"inputs": ""}, 422, "empty text"),
    ({"inputs": " \n"}, 422, "empty text"),
    (b'{"inputs": "\\ud800"}', 422, "surrogate"),
    ({**FIRST, "truncate": "yes"}, 422, "truncate"),
    ({**FIRST, "raw_scores": 1}, 422, "raw_scores"),
    ({"inputs": TEXTS[3], "truncate": False}, 413, f"at most {LENGTH} tokens"),
    ({"inputs": [["a"]] * 33}, 413, "batch size 33 > maximum allowed batch size 32"),
    ({"inputs": [["a"]] * 10_000}, 413, "batch size 10000"),
    ({"inputs": "a" * 1_000_000}, 413, "larger than 1000000 bytes"),
    ({"inputs": "a" * 10_000_000}, 413, "larger than 1000000 bytes"),
]


@pytest.mark.parametrize(("content", "status", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_request_is_told_what_is_wrong(server, content, status, message):
    found, answer = server.predict(content)
    assert found == status
    assert message in answer["error"]
    assert answer["error_type"] in {"Validation", "Tokenizer"}
    assert server.predict(FIRST)[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/predict", 405),
        ("DELETE", "/health", 405),
        ("GET", "/", 404),
        ("GET", "/../manifest.json", 404),
        ("GET", "/%2e%2e/manifest.json", 404),
        ("GET", "//etc/passwd", 404),
        ("GET", "/predict/../metrics", 404),
        ("GET", "/" + "a" * 5000, 404),
    ],
)
def test_other_paths_and_methods(server, method, path, status):
    assert server.ask(method, path)[0] == status


def test_a_text_in_chunks_has_the_same_limit(server):
    assert server.ask("POST", "/predict", iter([b"a" * 600_000] * 2))[0] == 413


def test_long_texts_are_cut_with_a_word(server):
    status, headers, _ = server.ask("POST", "/predict", json.dumps({"inputs": [[TEXTS[3]], [TEXTS[0]]]}))

    assert status == 200
    assert headers["x-truncated-texts"] == "1"
    assert int(headers["x-compute-tokens"]) > LENGTH


def test_metrics_count(server):
    def count(name):
        text = server.ask("GET", "/metrics")[2].decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])

    names = ("deploybench_texts_total", 'deploybench_requests_total{route="/predict",status="200"}')
    before = [count(name) for name in names]
    server.predict({"inputs": [[text] for text in TEXTS]})
    assert [count(name) for name in names] == [before[0] + 4, before[1] + 1]
    assert count("deploybench_queued_texts") == 0


def test_the_log_has_a_line_for_each_request_without_its_text(onnx):
    running = Server(onnx)
    running.predict({"inputs": "secretword of mine"})
    running.predict({"inputs": 1, "secretword": 2})
    running.ask("GET", "/secretword?secretword=1")
    assert running.end() == 0

    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert [re.sub(form, "TIME", line).split(" status")[0] for line in running.log] == [
        "TIME POST /predict",
        "TIME POST /predict",
        "TIME GET other",
    ]
    assert "status=200 " in running.log[0]
    assert "texts=1 tokens=" in running.log[0]
    assert not any("secretword" in line for line in running.log)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/predict", 405), ("POST", "/predict/", 404)]
)
def test_other_paths_and_methods_are_answered_alike(server, method, path, status):
    found, _, body = server.ask(method, path)

    assert found == status
    assert "expected POST /predict" in json.loads(body)["error"]


def test_bodies_that_do_not_arrive_are_no_load(onnx):
    running = Server(onnx, "--max-wait-ms=50")
    assert running.predict(FIRST)[0] == 200
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n{"
    held = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(300)]
    for one in held:
        one.sendall(head)
    time.sleep(0.5)

    assert [running.predict(FIRST)[0] for _ in range(5)] == [200] * 5
    for one in held:
        one.close()
    assert running.end() == 0


def test_clients_that_leave_leave_one_line_each(onnx):
    running = Server(onnx)
    body = json.dumps({"inputs": [[TEXTS[3]]] * 30}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", running.port)) as one:
            one.sendall(head + body)
    time.sleep(1)
    assert running.end() == 0

    assert all("POST /predict status=" in line for line in running.log)


def test_it_serves_as_it_was_measured_unless_told_otherwise(artifacts, tmp_path):
    folder = shutil.copytree(artifacts("onnx-fp32"), tmp_path / "measured")
    write_server(folder, folder, {"instances": 2, "threads": 1, "max_batch": 1})
    said = subprocess.run(
        [sys.executable, "-m", "server", "--help"], cwd=folder, capture_output=True, text=True, check=True
    )

    assert "same time (default: 2)" in " ".join(said.stdout.split())
    assert not is_server_changed(folder)
    (folder / "server" / "measured.json").write_text("{}")
    assert is_server_changed(folder)


@pytest.mark.parametrize("flag", ["--port=99999", "--instances=0", "--instances=100000"])
def test_flags_out_of_range_are_exit_code_2(onnx, flag):
    done = subprocess.run([sys.executable, "-m", "server", flag], cwd=onnx, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "expected a whole number from" in done.stderr
    assert "Traceback" not in done.stderr


def generated(count):
    """Bodies with the statuses that they may get: mutations of good requests."""
    draw = random.Random(28)
    good = [{"inputs": text} for text in TEXTS] + [{"inputs": [[text] for text in TEXTS]}]
    odd = [None, True, -1, 1e999, "", "\x00", "\ud83d\ude00", [], {}, [[]], [["a"]], ["a"], "a" * 70_000, {"a": "b"}]
    for _ in range(count):
        content = dict(draw.choice(good))
        kind = draw.randrange(4)
        if kind == 0:
            content[draw.choice(["inputs", "truncate", "raw_scores", "more"])] = draw.choice(odd)
        body = json.dumps(content).encode()
        if kind == 1:
            place = draw.randrange(len(body))
            body = body[:place] + draw.randbytes(draw.randrange(4)) + body[place + draw.randrange(4) :]
        if kind == 2:
            body = body[: draw.randrange(len(body))]
        yield body, {200} if kind == 3 else {200, 400, 413, 422}


def test_a_thousand_generated_requests(server):
    seen = set()
    for body, allowed in generated(1000):
        status, _ = server.predict(body)
        assert status in allowed, body[:200]
        seen.add(status)
    assert seen == {200, 400, 422}
    assert server.predict(FIRST)[0] == 200


def test_clients_that_are_slow_or_leave_hold_nothing(onnx):
    running = Server(onnx, "--timeout-s=1")
    address = ("127.0.0.1", running.port)
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
    with (
        socket.create_connection(address, 20) as no_head,
        socket.create_connection(address, 20) as half_head,
        socket.create_connection(address, 20) as half_body,
    ):
        half_head.sendall(head[:20])
        half_body.sendall(head + b"{")
        assert b" 408 " in half_body.recv(1000)
        assert no_head.recv(1) == b""
        assert half_head.recv(1) == b""
    for sent in (b"", head[:20], head, head + b"{", b"nonsense\r\n\r\n", b"\x00" * 1000):
        with socket.create_connection(address, 20) as leaving:
            leaving.sendall(sent)
    assert running.predict(FIRST)[0] == 200
    assert running.end() == 0
    assert not any("Traceback" in line for line in running.log)


SLOW = """
import time
import numpy as np

def load(folder, threads):
    def predict(inputs):
        if inputs["input_ids"].shape[1] == 13:
            raise ValueError("a fault of the runtime")
        time.sleep(0.05 * len(inputs["input_ids"]))
        return np.tile(np.array([[0.0, 1.0]], dtype=np.float32), (len(inputs["input_ids"]), 1))
    return predict
"""


@pytest.fixture(scope="module")
def slow(onnx, tmp_path_factory):
    """A server whose model takes 50 ms a text."""
    folder = shutil.copytree(onnx, tmp_path_factory.mktemp("slow") / "slow")
    (folder / "server" / "predictor.py").write_text(SLOW)
    return folder


def ask_at_once(running, count):
    """Answers to requests that are sent at the same time, with the seconds that each took."""
    answers = [None] * count

    def ask(place):
        start = time.perf_counter()
        status, headers, _ = running.ask("POST", "/predict", json.dumps(FIRST))
        answers[place] = status, headers, time.perf_counter() - start

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_too_much_is_refused_at_once_and_later_taken_again(slow):
    running = Server(slow, "--max-wait-ms=300")
    ask_at_once(running, 1)  # it learns how long a text takes
    answers = ask_at_once(running, 60)

    refused = [one for one in answers if one[0] == 429]
    assert {status for status, *_ in answers} == {200, 429}
    assert len(refused) >= 40
    assert all(int(headers["Retry-After"]) >= 1 for _, headers, _ in refused)
    assert running.predict(FIRST)[0] == 200
    assert running.end() == 0


def test_a_queue_has_an_end(slow):
    running = Server(slow, "--max-queue=3", "--max-wait-ms=100000")
    assert {status for status, *_ in ask_at_once(running, 20)} == {200, 429}
    assert running.predict({"inputs": [["a"]] * 4})[0] == 429
    assert running.end() == 0


def test_an_answer_that_takes_too_long_is_given_up(slow):
    running = Server(slow, "--timeout-s=1", "--max-batch=32", "--max-wait-ms=100000")
    status, answer = running.predict({"inputs": [["a"]] * 32})
    assert (status, answer["error_type"]) == (503, "Overloaded")
    assert running.end() == 0


def test_a_fault_of_the_runtime_is_an_answer(slow):
    running = Server(slow)
    ids, _ = Tokeniser(slow / "tokenizer", LENGTH)([" ".join(["a"] * words) for words in range(1, 30)])
    words = [len(one) for one in ids].index(13) + 1
    status, answer = running.predict({"inputs": " ".join(["a"] * words)})
    assert (status, answer["error_type"]) == (500, "Backend")
    assert running.predict(FIRST)[0] == 200
    assert running.end() == 0


def test_running_requests_are_answered_at_the_end(slow):
    running = Server(slow)
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(ask_at_once(running, 10)))
    thread.start()
    time.sleep(0.15)
    assert running.end() == 0
    thread.join()
    assert [status for status, *_ in answers] == [200] * 10


def test_a_client_that_leaves_is_taken_out_of_the_queue(slow):
    running = Server(slow)
    body = json.dumps({"inputs": [["a"]] * 30}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", running.port), 20) as leaving:
        leaving.sendall(head + body)
        time.sleep(0.2)
    start = time.perf_counter()
    assert running.predict(FIRST)[0] == 200
    assert time.perf_counter() - start < 1.2  # of the 30 texts, 1.5 s, only those of the running batch are computed
    assert running.end() == 0
    assert any("status=499" in line for line in running.log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(onnx, number):
    assert Server(onnx).end(number) == 0


def test_a_taken_port_is_one_line(server, onnx):
    command = [sys.executable, "-m", "server", f"--port={server.port}"]
    done = subprocess.run(command, cwd=onnx, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"--port: 127.0.0.1:{server.port} cannot be listened at (Address already in use); pass another\n"
    )


def test_a_model_that_cannot_be_loaded_is_one_line(onnx, tmp_path):
    folder = shutil.copytree(onnx, tmp_path / "copy")
    (folder / "model.onnx").write_bytes(b"no model")
    command = [sys.executable, "-m", "server", "--port=0", "--instances=2"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert re.fullmatch(rf"{folder}: cannot be loaded \(.*\); copy the artifact again\n", done.stderr)


def test_what_was_changed_is_noticed(onnx, tmp_path):
    folder = shutil.copytree(onnx, tmp_path / "copy")
    assert not is_server_changed(folder)
    (folder / "server" / "__pycache__").mkdir(exist_ok=True)
    assert not is_server_changed(folder)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    assert is_server_changed(folder)


def test_requirements_are_all_pinned(onnx):
    lines = (onnx / "server" / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in lines)
    names = {line.partition("==")[0] for line in lines}
    assert {"onnxruntime", "numpy", "tokenizers", "starlette", "uvicorn", "httptools", "anyio", "h11"} <= names
    assert not {"torch", "transformers", "onnx", "pandas", "deploybench"} & names


def test_deploybench_serve_serves_an_artifact_without_a_server_of_its_own(artifacts):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "deploybench.bench.cli", "serve", str(artifacts("onnx-fp32")), "--port=0"]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as running:
        assert running.stdout.readline().startswith("serving at http://127.0.0.1:")
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
