"""Options: read once, for the command line, pytest and tox alike."""

import argparse
import re
from pathlib import Path

import pytest

from deploybench.bench.machine.cpu import available_cores, cpu_features, first_version_quota
from deploybench.bench.pipeline.options import Options, add_options, artifacts_dir, read_models, read_options
from deploybench.exporters.artifacts.catalogue import default_variants, variant_names
from deploybench.exporters.checkpoints.long_texts import Windows
from deploybench.exporters.errors import UserError


@pytest.mark.parametrize(
    ("quota", "period", "expected"),
    [("150000", "100000", [1.5]), ("-1", "100000", []), ("nonsense", "1", []), (None, None, [])],
)
def test_the_quota_of_a_first_version_cgroup(tmp_path, quota, period, expected):
    for name, text in (("quota", quota), ("period", period)):
        if text:
            (tmp_path / f"cpu.cfs_{name}_us").write_text(f"{text}\n")

    assert first_version_quota(tmp_path) == expected


def read(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument)
    return read_options(parser.parse_args(arguments))


DEFAULT = default_variants(cpu_features(), labelled=True)  # the demonstration has labelled training texts


def test_all_variants_can_be_asked_for():
    assert set(read("--variants", "all").variants) == set(variant_names()) > set(DEFAULT)


def test_nothing_asked_is_the_quick_demonstration():
    options = read()

    assert options.checkpoint is None
    assert options.profile == "quick"
    assert options.variants == ("torch-eager", *(name for name in DEFAULT if name != "torch-eager"))
    assert options.threads == available_cores()
    assert options.sequence_lengths is None


def test_lists_are_separated_by_commas():
    options = read("--batch-sizes", "8,1, 8", "--sequence-lengths", "512,64", "--variants", "openvino-int8")

    assert options.batch_sizes == (1, 8)
    assert options.sequence_lengths == (64, 512)
    assert options.variants == ("torch-eager", "openvino-int8")


def test_the_standard_profile_is_the_fields_grid():
    options = read("--profile", "standard")

    assert options.batch_sizes == (1, 2, 4, 8, 16, 32)
    assert options.schedule.launches * options.schedule.blocks * options.schedule.rounds >= 5


def test_options_are_typed_values_from_the_parser_on():
    options = read(
        *("--checkpoint", "a folder", "--real", "r.csv", "--fake", "f.csv", "--external", "a=x.csv"),
        *("--external", "y.csv", "--drop-bad-rows", "--threads", "1", "--text-columns", "title,body"),
    )

    assert options == Options(
        checkpoint="a folder",
        real=Path("r.csv"),
        fake=Path("f.csv"),
        external=("a=x.csv", "y.csv"),
        drop_bad_rows=True,
        threads=1,
        text_columns=("title", "body"),
    )
    assert options.work_dir == Path(".deploybench")


def test_windows_have_the_pool_of_its_own_flag():
    assert read("--windows", "128/64").windows == Windows(length=128, stride=64, pool="mean")
    assert read("--windows", "128/64", "--pool", "max").windows == Windows(length=128, stride=64, pool="max")
    assert read().windows is None


def test_an_empty_path_is_as_if_the_flag_were_left_out():
    assert read("--calibration", "", "--work-dir", "", "--real", "", "--fake", "") == Options()


@pytest.mark.parametrize("flag", ["--target-width", "--precision"])
def test_the_width_of_intervals_has_an_older_name(flag):
    assert read(flag, "0.05").schedule.target_width == read(flag, "0.05").target_width == 0.05


def test_the_profile_gives_what_no_flag_does():
    assert (read("--profile", "full").time_budget, read("--profile", "full", "--time-budget", "9").time_budget) == (
        3600,
        9,
    )


def test_flags_that_a_command_lacks_have_their_defaults():
    assert read_options(argparse.Namespace(threads=1, output="no option")) == Options(threads=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch-sizes", "1,many"), "--batch-sizes: found '1,many', expected positive whole numbers such as 1,8,32"),
        (("--batch-sizes", "0,1"), "--batch-sizes: found '0,1', expected positive whole numbers such as 1,8,32"),
        (("--sequence-lengths", ""), "--sequence-lengths: found '', expected positive whole numbers such as 1,8,32"),
        (("--threads", "4096"), "--threads: found '4096', expected a whole number from 1 to "),
        (("--threads", "1,2"), "--threads: found '1,2', expected a whole number from 1 to "),
        (("--threads", "0"), "--threads: found '0', expected a whole number from 1 to "),
        (("--target-width", "0"), "--target-width: found '0', expected a number above 0 such as 0.02"),
        (("--time-budget", "nan"), "--time-budget: found 'nan', expected a number above 0 such as 180"),
        (("--real-label", "true"), "--real-label: was given without a set; pass --real with --fake, or --external"),
        (("--profile", "swift"), "--profile: 'swift' is unknown; known profiles: quick, standard, full"),
        (("--real", "r.csv"), "--real: was given without --fake; pass both, or one labelled file"),
        (("--fake", "f.csv"), "--fake: was given without --real; pass both, or one labelled file"),
        (("--windows", "128"), "--windows: found '128', expected LENGTH/STRIDE in tokens such as 512/256"),
        (("--windows", "0/1"), "--windows: found '0/1', expected LENGTH/STRIDE in tokens such as 512/256"),
        (("--windows", "8/0"), "--windows: found '8/0', expected LENGTH/STRIDE in tokens such as 512/256"),
        (("--windows", "8/-4"), "--windows: found '8/-4', expected LENGTH/STRIDE in tokens such as 512/256"),
        (
            ("--windows", "64/128"),
            "--windows: found '64/128', whose stride is larger than a window, so that tokens are",
        ),
        (("--pool", "max"), "--pool: max was given without --windows; pass --windows LENGTH/STRIDE, such as 512/256"),
        (("--windows", "8/4", "--pool", "sum"), "--pool: 'sum' is unknown; known ways: mean, max"),
        (("--variants", "onnx"), "unknown variant 'onnx'; "),
        (("--variants", ""), "--variants: found '', expected names"),
        (("--text-columns", ""), "--text-columns: found '', expected different columns such as title,body"),
        (("--text-columns", "a,b,a"), "--text-columns: found 'a,b,a', expected different columns such as title,body"),
    ],
)
def test_what_cannot_be_is_one_line(arguments, message):
    with pytest.raises(UserError) as error:
        read(*arguments)

    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", __file__])
def test_artifacts_need_a_folder(text):
    with pytest.raises(UserError) as error:
        artifacts_dir(text)
    assert str(error.value) == f"--output: found {text!r}, expected a folder, new or with artifacts; name another"


def test_a_folder_of_the_user_is_not_replaced_by_an_artifact(tmp_path):
    folder = tmp_path / "onnx-fp32"
    folder.mkdir()

    with pytest.raises(UserError) as error:
        artifacts_dir(str(tmp_path))
    assert str(error.value) == (f"--output: {folder} holds more than an artifact; name another folder")
    (folder / "manifest.json").write_text('{"fingerprint": "0", "files": {"model.onnx": {}}}')
    (folder / "model.onnx").touch()
    assert artifacts_dir(str(tmp_path)) == tmp_path


def test_memory_is_that_of_a_batch_that_is_timed_unless_the_run_is_thorough():
    assert read("--batch-sizes", "2,4").memory_batch_size == 2
    assert read("--profile", "standard").memory_batch_size == 8


def read_all(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument)
    return read_models(parser.parse_args(arguments))


def test_several_checkpoints_are_named_models_of_equal_options_and_have_the_time_of_each():
    first, second = read_all("--checkpoint=arch:albert-base-v2", "--checkpoint=mine=org/some-bert", "--batch-sizes=1")

    assert (first.model, first.checkpoint) == ("albert-base-v2", "arch:albert-base-v2")
    assert (second.model, second.checkpoint) == ("mine", "org/some-bert")
    assert first.batch_sizes == second.batch_sizes == (1,)
    assert first.time_budget == second.time_budget == 2 * read().time_budget
    assert [one.time_budget for one in read_all("--checkpoint=a", "--checkpoint=b", "--time-budget=7")] == [7, 7]


def test_a_single_checkpoint_is_as_before_and_may_have_a_name(tmp_path):
    assert read_all() == (read(),)
    assert read("--checkpoint=arch:albert-base-v2").model == ""
    assert (read("--checkpoint=small=some/folder").model, read("--checkpoint=small=some/folder").checkpoint) == (
        "small",
        "some/folder",
    )
    folder = tmp_path / "a=b"
    folder.mkdir()
    assert read(f"--checkpoint={folder}").checkpoint == str(folder)


@pytest.mark.parametrize(
    ("checkpoints", "expected"),
    [
        (("x/small", "y/small"), "two models are called 'small'; name them apart, such as second=y/small"),
        (("a", "ä b=c"), "a model called 'ä b', expected letters, digits and . _ - alone; write NAME=c"),
        (("a", "=c"), "'=c' is not [NAME=]CHECKPOINT"),
    ],
)
def test_names_that_cannot_be_told_apart_or_read_are_refused(checkpoints, expected):
    with pytest.raises(UserError, match=re.escape(expected)):
        read_all(*(f"--checkpoint={one}" for one in checkpoints))


def test_a_student_and_its_teacher_are_two_models_of_a_run():
    teacher, student = read_all("--checkpoint=mine=some/folder", "--teacher=another/folder")

    assert [(one.model, one.checkpoint) for one in (teacher, student)] == [
        ("teacher", "another/folder"),
        ("student", "some/folder"),
    ]


@pytest.mark.parametrize(("checkpoints", "count"), [((), 0), (("a", "b"), 2)])
def test_a_teacher_has_one_student(checkpoints, count):
    with pytest.raises(UserError, match=f"--teacher: found {count} models beside it, expected one, its student"):
        read_all("--teacher=t", *(f"--checkpoint={one}" for one in checkpoints))


def test_where_one_checkpoint_is_taken_several_are_refused():
    with pytest.raises(UserError, match="found 2 checkpoints, expected one"):
        read("--checkpoint=a", "--checkpoint=b")


def test_a_command_of_one_checkpoint_refuses_a_second_one():
    """Argparse alone would silently take the last."""
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument, ("--checkpoint",))

    with pytest.raises(UserError, match="--checkpoint: found 'a' and 'b', expected one"):
        parser.parse_args(["--checkpoint", "a", "--checkpoint", "b"])
    assert parser.parse_args(["--checkpoint", "a"]).checkpoint == "a"


def test_training_texts_that_no_variant_learns_from_are_refused():
    with pytest.raises(UserError, match="--train: no variant of --variants is trained on texts"):
        read_all("--train", "train.csv", "--variants", "onnx-fp32")
    assert read_all("--train", "train.csv")[0].train == Path("train.csv")
