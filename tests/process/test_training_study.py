"""The study of a training, small: what it saves, and that the same weights come again."""

import json

from deploybench.suites.studies.training import recipe


def test_the_same_weights_come_again(tiny_recipe, tmp_path, monkeypatch, labelled_file):
    monkeypatch.chdir(tmp_path)
    files = ["--train", str(labelled_file), "--external", f"test={labelled_file}", "--output", "tiny-news"]

    assert recipe.main([tiny_recipe.name, "--again", *files, "--threads", "1"]) == 0

    saved = json.loads((tmp_path / "results" / "studies" / "training-tiny-news.json").read_text())
    assert saved["weights_sha256_again"] == saved["weights_sha256"]
    assert saved["recipe"] == "tiny"
    assert saved["seconds"] < saved["command_seconds"]
    assert saved["leaked"] == {"test": 24}


def test_a_mistake_ends_it_and_saves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert recipe.main(["albert-mimi", "--output", "x"]) == 2
    assert "albert-mini" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
