"""Training recipes: the shipped ones, the keys of a file, and the one-line error for everything else."""

import dataclasses
import inspect
import math
import tomllib
from pathlib import Path

import pytest

from deploybench.bench.measure.workload import PADDINGS
from deploybench.exporters.checkpoints.architectures import ARCHITECTURES
from deploybench.exporters.errors import RecipeError
from deploybench.exporters.files import sha256_json
from deploybench.exporters.training import recipe as recipes
from deploybench.exporters.training.precision import Device, chosen_precision
from deploybench.exporters.training.recipe import (
    Architecture,
    DataRecipe,
    EarlyStopping,
    Recipe,
    Student,
    TokenizerRecipe,
    read_recipe,
    recipe_names,
)
from deploybench.exporters.training.steps import Steps, steps

SCRATCH = """
description = "from scratch"
max_length = 64
batch_size = 8
epochs = 2
learning_rate = 1e-3

[architecture]
model_type = "albert"
embedding_size = 16
hidden_size = 32
num_hidden_layers = 2
num_hidden_groups = 1
num_attention_heads = 4
intermediate_size = 64
max_position_embeddings = 128

[tokenizer]
vocab_size = 500
"""
KNOWN = (
    "description, max_length, batch_size, epochs, learning_rate, demonstration, task, checkpoint, architecture.model_type, "
    "architecture.hidden_size, architecture.num_hidden_layers, architecture.num_attention_heads, "
    "architecture.intermediate_size, architecture.max_position_embeddings, architecture.embedding_size, "
    "architecture.num_hidden_groups, tokenizer.vocab_size, student.layers, data.train, data.validation, data.test, data.file, "
    "data.split, data.text_columns, data.pair_columns, "
    "data.label_column, padding, per_device_batch_size, eval_batch_size, warmup_ratio, "
    "warmup_steps, weight_decay, max_grad_norm, precision, gradient_checkpointing, early_stopping.patience, "
    "early_stopping.threshold, seed"
)
PUBLISHED = ("albert", "bert", "distilbert", "mobilebert", "tinybert")
SHIPPED = (
    *("albert-agnews", "albert-mini", "albert-news", "albert-welfake", "bert-agnews", "bert-welfake", "demonstration"),
    *("distilbert-agnews", "distilbert-welfake", "minilm-multilabel", "minilm-news", "minilm-nli", "minilm-score"),
    *("mobilebert-welfake", "tinybert-welfake"),
)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_shipped_names():
    assert recipe_names() == SHIPPED


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_can_be_read(name):
    recipe = read_recipe(name)

    assert recipe.name == name
    assert recipe.fine_tunes is (recipe.architecture is None)
    assert recipe.architecture is None or recipe.architecture.max_position_embeddings == 512
    assert recipe.demonstration is (name == "demonstration")


def test_all_of_a_file_is_read(write):
    assert read_recipe(write(SCRATCH)) == Recipe(
        name="mine",
        description="from scratch",
        demonstration=False,
        checkpoint=None,
        architecture=Architecture(
            model_type="albert",
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=128,
            embedding_size=16,
            num_hidden_groups=1,
        ),
        tokenizer=TokenizerRecipe(vocab_size=500),
        data=None,
        max_length=64,
        padding="bucketed",
        batch_size=8,
        per_device_batch_size=None,
        eval_batch_size=64,
        epochs=2,
        learning_rate=1e-3,
        warmup_ratio=None,
        warmup_steps=None,
        weight_decay=0.01,
        max_grad_norm=1.0,
        precision="fp32",
        gradient_checkpointing=False,
        early_stopping=None,
        seed=7,
    )


EVERY_KEY = """
description = "published"
checkpoint = "arch:albert-base-v2"
max_length = 512
padding = "max_length"
batch_size = 64
per_device_batch_size = 16
eval_batch_size = 32
epochs = 5
learning_rate = 2e-5
warmup_steps = 1000
precision = "auto"
gradient_checkpointing = true
[tokenizer]
vocab_size = 30000
[data]
file = "all.csv"
split = [80, 10, 10]
text_columns = ["title", "body"]
label_column = "verdict"
[early_stopping]
patience = 2
"""


def test_every_key_is_read(write):
    recipe = read_recipe(write(EVERY_KEY))

    assert (recipe.architecture_name, recipe.fine_tunes) == ("albert-base-v2", False)
    assert (recipe.padding, recipe.precision, recipe.gradient_checkpointing) == ("max_length", "auto", True)
    assert (recipe.per_device_batch_size, recipe.eval_batch_size, recipe.warmup_steps) == (16, 32, 1000)
    assert recipe.early_stopping == EarlyStopping(patience=2, threshold=0.001)
    assert recipe.tokenizer == TokenizerRecipe(vocab_size=30000)
    assert recipe.data == DataRecipe(
        file="all.csv", split=(80, 10, 10), text_columns=("title", "body"), label_column="verdict"
    )


def test_paddings_are_called_as_everywhere():
    assert recipes.PADDINGS == PADDINGS


@pytest.mark.parametrize("model", PUBLISHED)
def test_the_published_recipe(model):
    recipe = read_recipe(f"{model}-welfake")
    albert = read_recipe("albert-welfake")

    assert (
        dataclasses.replace(recipe, name=albert.name, description=albert.description, checkpoint=albert.checkpoint)
        == albert
    )
    assert (albert.learning_rate, albert.warmup_steps, albert.epochs, albert.weight_decay) == (2e-5, 1000, 5, 0.01)
    assert (albert.batch_size, albert.eval_batch_size, albert.seed, albert.max_length) == (64, 64, 42, 512)
    assert (albert.padding, albert.early_stopping) == ("max_length", EarlyStopping(patience=3, threshold=0.001))


def test_steps_of_the_published_run():
    """Its log counts 3,910 steps: complete batches of 64 of 50,075 rows; with the stated 32 it would be 7,825."""
    published = read_recipe("albert-welfake")
    as_stated = dataclasses.replace(published, batch_size=32)
    whole = 50_075 // 64 * 64

    assert steps(whole, published) == Steps(per_device=32, accumulation=2, per_epoch=782, total=3910, warmup=1000)
    assert steps(50_075, published, devices=2) == Steps(
        per_device=32, accumulation=1, per_epoch=783, total=3915, warmup=1000
    )
    assert steps(50_075, as_stated).total == 7825


@pytest.mark.process
@pytest.mark.parametrize(
    ("rows", "batch_size", "per_device", "devices"), [(3106, 64, 16, 2), (50_075, 64, 32, 1), (7, 8, 2, 1)]
)
def test_steps_are_those_of_the_trainer(rows, batch_size, per_device, devices):
    """Compared with the Trainer's dataloader and accumulation; devices share the batches, and the last may be short."""
    import torch
    from transformers import Trainer, TrainingArguments

    recipe = dataclasses.replace(
        read_recipe("albert-welfake"), batch_size=batch_size, per_device_batch_size=per_device, warmup_steps=None
    )
    found = steps(rows, recipe, devices)
    arguments = TrainingArguments(
        "unused",
        num_train_epochs=recipe.epochs,
        gradient_accumulation_steps=found.accumulation,
        warmup_steps=found.warmup,
        use_cpu=True,
        report_to="none",
    )
    loader = torch.utils.data.DataLoader(range(rows), batch_size=found.per_device * devices)
    trainer = Trainer(torch.nn.Linear(1, 1), arguments)
    values = trainer.set_initial_training_values
    given = (arguments, loader, recipe.batch_size)[
        : len(inspect.signature(values).parameters)
    ]  # transformers 5 takes two
    total = values(*given)[-1]

    assert found.per_device * found.accumulation * devices == batch_size
    assert found.total == total
    assert found.warmup == arguments.get_warmup_steps(total) == math.ceil(0.1 * total)


BATCHES = [  # batch_size, per_device_batch_size, devices, texts at once on a device and batches behind a step
    (64, None, 1, (64, 1)),
    (64, None, 2, (32, 1)),
    (64, 64, 4, (16, 1)),
    (64, 8, 2, (8, 4)),
    (64, 1, 1, (1, 64)),
]


@pytest.mark.parametrize(("batch_size", "per_device", "devices", "expected"), BATCHES)
def test_accumulation_is_derived(batch_size, per_device, devices, expected):
    recipe = dataclasses.replace(read_recipe("albert-welfake"), batch_size=batch_size, per_device_batch_size=per_device)
    found = steps(1000, recipe, devices)

    assert (found.per_device, found.accumulation) == expected


INDIVISIBLE = [
    (64, 24, 1, "a multiple of 24 (devices 1 × per_device_batch_size 24); batch_size 48 or 72 would do; "
     "or per_device_batch_size 1, 2, 4, 8, 16, 32, 64"),
    (64, None, 3, "a multiple of 63 (devices 3 × per_device_batch_size 21); batch_size 63 or 126 would do"),
    (2, None, 4, "a multiple of 4 (devices 4 × per_device_batch_size 1); batch_size 4 would do"),
]  # fmt: skip


@pytest.mark.parametrize(("batch_size", "per_device", "devices", "message"), INDIVISIBLE)
def test_a_batch_that_devices_cannot_make_says_which_would_do(batch_size, per_device, devices, message):
    recipe = dataclasses.replace(read_recipe("albert-welfake"), batch_size=batch_size, per_device_batch_size=per_device)

    with pytest.raises(RecipeError) as caught:
        steps(1000, recipe, devices)
    assert str(caught.value) == f"recipe 'albert-welfake': 'batch_size' is {batch_size}, expected {message}"


CPU, OLD_GPU, NEW_GPU = Device(gpu=False, bf16=False), Device(gpu=True, bf16=False), Device(gpu=True, bf16=True)
CHOSEN = [
    ("fp32", CPU, "fp32"),
    ("bf16", CPU, "bf16"),
    ("auto", CPU, "fp32"),
    ("auto", OLD_GPU, "fp16"),
    ("auto", NEW_GPU, "bf16"),
    ("tf32", NEW_GPU, "tf32"),
]


@pytest.mark.parametrize(("precision", "device", "expected"), CHOSEN)
def test_precision_is_the_devices(precision, device, expected):
    assert chosen_precision(dataclasses.replace(read_recipe("demonstration"), precision=precision), device) == expected


@pytest.mark.parametrize("precision", ["tf32", "fp16"])
def test_precision_that_needs_a_gpu(precision):
    recipe = dataclasses.replace(read_recipe("demonstration"), precision=precision)

    with pytest.raises(RecipeError) as caught:
        chosen_precision(recipe, CPU)
    assert str(caught.value) == (
        f"recipe 'demonstration': 'precision' is {precision!r}, which needs a GPU, and there is none; "
        "use 'fp32', or 'auto' for the fastest of the device"
    )


def test_a_path_may_be_text(write):
    path = write(SCRATCH)

    assert read_recipe(str(path)) == read_recipe(path)


def test_a_recipe_may_start_from_a_checkpoint(write):
    text = 'description = "x"\ncheckpoint = "a/b"\nmax_length = 600\nbatch_size = 1\nepochs = 1\nlearning_rate = 1'
    recipe = read_recipe(write(text))

    assert (recipe.checkpoint, recipe.architecture, recipe.tokenizer) == ("a/b", None, None)


def test_a_whole_number_is_the_same_recipe(write):
    one = read_recipe(write("max_grad_norm = 1\n" + SCRATCH))
    other = read_recipe(write("max_grad_norm = 1.0\n" + SCRATCH))

    assert one.sha256 == other.sha256
    assert type(one.max_grad_norm) is float


def test_the_hash_names_all_that_training_depends_on(write):
    recipe = read_recipe(write(SCRATCH))
    changes = {
        "max_length": 65,
        "batch_size": 9,
        "epochs": 3,
        "learning_rate": 0.1,
        "seed": 8,
        "padding": "longest",
        "warmup_steps": 3,
        "precision": "bf16",
        "early_stopping": EarlyStopping(),
        "task": "score",
        "student": Student(layers=1),
    }
    changed = {dataclasses.replace(recipe, **{key: value}).sha256 for key, value in changes.items()}

    assert len(changed | {recipe.sha256}) == len(changes) + 1
    elsewhere = dataclasses.replace(recipe, name="other", description="other", data=DataRecipe(train="x.csv"))
    assert elsewhere.sha256 == recipe.sha256  # a record names the texts by their own hash
    older = {
        key: value
        for key, value in dataclasses.asdict(recipe).items()
        if key not in {"name", "description", "data", "task", "student"}
    }
    assert recipe.sha256 == sha256_json(older)  # as before there were tasks and students


CHANGED = [  # (what is replaced, by what, the message after the file's name)
    ("epochs = 2", "epochs = 0", "'epochs' is 0, expected an integer from 1 to 1000"),
    ("epochs = 2", "epochs = 2.0", "'epochs' is 2.0, expected an integer from 1 to 1000"),
    ("epochs = 2", "epochs = true", "'epochs' is True, expected an integer from 1 to 1000"),
    ("epochs = 2", "", "'epochs' is missing, expected an integer from 1 to 1000"),
    ("epochs = 2", "epochs = 2\nseed = -1", "'seed' is -1, expected an integer from 0 to 4294967295"),
    ("= 1e-3", "= 0", "'learning_rate' is 0, expected a number above 0, at most 1"),
    ("= 1e-3", "= 1.5", "'learning_rate' is 1.5, expected a number above 0, at most 1"),
    ("= 1e-3", "= nan", "'learning_rate' is nan, expected a number above 0, at most 1"),
    ("= 1e-3", "= inf", "'learning_rate' is inf, expected a number above 0, at most 1"),
    ("= 1e-3", '= "fast"', "'learning_rate' is 'fast', expected a number above 0, at most 1"),
    ("epochs = 2", "epochs = 2\nwarmup_ratio = 1.1", "'warmup_ratio' is 1.1, expected a number from 0 to 1"),
    ("epochs = 2", "epochs = 2\nweight_decay = false", "'weight_decay' is False, expected a number from 0 to 1"),
    ("epochs = 2", "epochs = 2\nmax_grad_norm = 0", "'max_grad_norm' is 0, expected a number above 0, at most 1e+06"),
    ("epochs = 2", "epochs = 2\ngradient_checkpointing = 1", "'gradient_checkpointing' is 1, expected true or false"),
    ("epochs = 2", "epochs = 2\npadding = 'max'",
     "'padding' is 'max', expected one of 'max_length', 'longest', 'bucketed'"),
    ("epochs = 2", "epochs = 2\nprecision = 'fp8'",
     "'precision' is 'fp8', expected one of 'auto', 'fp32', 'tf32', 'bf16', 'fp16'"),
    ("epochs = 2", "epochs = 2\nwarmup_ratio = 0.1\nwarmup_steps = 1000",
     "'warmup_steps' is 1000 beside 'warmup_ratio', expected one of the two: transformers would silently use the steps"),
    ("epochs = 2", "epochs = 2\nper_device_batch_size = 9",
     "'per_device_batch_size' is 9, expected at most batch_size (8), which is that of all devices together"),
    ("vocab_size = 500", "vocab_size = 500\n[early_stopping]\npatience = 0",
     "'early_stopping.patience' is 0, expected an integer from 1 to 1000"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\nfile = 'a'\nsplit = [70, 20, 15]",
     "'data.split' is [70, 20, 15], expected three whole numbers above 0 that sum to 100, such as [70, 15, 15]"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\nfile = 'a'\nsplit = [0, 50, 50]",
     "'data.split' is [0, 50, 50], expected three whole numbers above 0 that sum to 100, such as [70, 15, 15]"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\nfile = 'a'\nsplit = [70, 30]",
     "'data.split' is [70, 30], expected three whole numbers above 0 that sum to 100, such as [70, 15, 15]"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\ntext_columns = []", "'data.text_columns' is [], expected a list of texts"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\ntext_columns = ['a', 2]",
     "'data.text_columns' is ['a', 2], expected a list of texts"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\nsplit = [70, 15, 15]",
     "'data.split' is set without 'data.file', expected the file to split"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\nfile = 'a'\ntest = 'b'",
     "'data.test' is set beside 'data.file', expected files that are split already, or one to split"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\ntest = 'b'", "'data.train' is missing, expected one beside 'data.test'"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\npair_columns = ['a']",
     "'data.pair_columns' is ['a'], expected a list of two texts"),
    ("vocab_size = 500", "vocab_size = 500\n[data]\ntext_columns = 'a'", "'data.text_columns' is 'a', expected a list of texts"),
    ("epochs = 2", "epochs = 2\ntask = 'regression'",
     "'task' is 'regression', expected one of 'single-label', 'multi-label', 'score'"),
    ("epochs = 2", "epochs = 2\ntask = 3", "'task' is 3, expected one of 'single-label', 'multi-label', 'score'"),
    ("epochs = 2", "epochs = 2\ndemonstration = 'no'", "'demonstration' is 'no', expected true or false"),
    ('"from scratch"', '" "', "'description' is ' ', expected one line of text"),
    ('"from scratch"', r'"a\nb"', r"'description' is 'a\nb', expected one line of text"),
    ('"from scratch"', "[1, 2]", "'description' is [1, 2], expected one line of text"),
    ('"albert"', '"bart"', "'architecture.model_type' is 'bart', expected one of 'albert', 'bert', "
     "'distilbert', 'mobilebert'"),
    ("vocab_size = 500", "vocab_size = 5", "'tokenizer.vocab_size' is 5, expected an integer from 100 to 1000000"),
    ("vocab_size = 500", "", "'tokenizer.vocab_size' is missing, expected an integer from 100 to 1000000"),
    ("hidden_size = 32", "", "'architecture.hidden_size' is missing, expected an integer from 8 to 8192"),
    ("hidden_size = 32", "hidden_size = 33",
     "'architecture.hidden_size' is 33, expected a multiple of num_attention_heads (4)"),
    ("embedding_size = 16", "",
     "'architecture.embedding_size' is missing, expected an integer, since the model type is 'albert'"),
    ('"albert"', '"bert"', "'architecture.embedding_size' is 16, expected no such key in the model type 'bert'"),
    ("groups = 1", "groups = 3", "'architecture.num_hidden_groups' is 3, expected at most num_hidden_layers (2)"),
    ("max_length = 64", "max_length = 129",
     "'max_length' is 129, expected at most architecture.max_position_embeddings (128)"),
    ("epochs = 2", 'epochs = 2\ncheckpoint = "x"', "'checkpoint' is 'x' beside 'architecture', expected one of the two"),
    ("epochs = 2", "epochs = 2\nstudent = {layers = 2}",
     "'student' is set without a trained 'checkpoint', expected the classifier whose outputs it learns"),
    ("epochs = 2", "epochs = 2\nstudent = {layers = 0}", "'student.layers' is 0, expected an integer from 1 to 1000"),
    ("epochs = 2", "epochs = 2\nepoch = 3", f"unknown key 'epoch'; did you mean 'epochs'? known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\nhidden_size = 3",
     f"unknown key 'hidden_size'; did you mean 'architecture.hidden_size'? known keys: {KNOWN}"),
    ("vocab_size", "vocab_sise",
     f"unknown key 'tokenizer.vocab_sise'; did you mean 'tokenizer.vocab_size'? known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\nname = 'x'", f"unknown key 'name'; known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\n[zzz]\nepochs = 1", f"unknown key 'zzz'; known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\nepochs = 3",
     "is no TOML file in UTF-8 (Cannot overwrite a value (at line 6, column 11)); fix it there"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), CHANGED)
def test_refused(write, old, new, message):
    assert SCRATCH.count(old) == 1 or old == '"albert"'
    path = write(SCRATCH.replace(old, new))

    with pytest.raises(RecipeError) as caught:
        read_recipe(path)

    assert str(caught.value) == f"{path}: {message}"
    assert "\n" not in str(caught.value)


HEAD = SCRATCH.partition("[architecture]")[0]
WHOLE = [
    (HEAD, "'architecture' is missing, expected a table of sizes, or 'checkpoint' to start from"),
    (HEAD + "architecture = 3", "'architecture' is 3, expected a table"),
    (HEAD + "checkpoint = 'x'\n[tokenizer]\nvocab_size = 500",
     "'tokenizer' is set beside 'checkpoint', expected the checkpoint's own tokenizer: leave it out"),
    (HEAD + "checkpoint = 'arch:albert-base'",
     "'checkpoint': unknown architecture 'albert-base'; did you mean arch:albert-base-v2? known: "
     + ", ".join(ARCHITECTURES)),
    ("", "'description' is missing, expected one line of text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WHOLE)
def test_refused_as_a_whole(write, text, message):
    path = write(text)

    with pytest.raises(RecipeError) as caught:
        read_recipe(path)

    assert str(caught.value) == f"{path}: {message}"


NOT_FOUND = [
    ("demonstartion",
     "unknown recipe 'demonstartion'; did you mean 'demonstration'? shipped recipes: " + ", ".join(SHIPPED) + "; "
     "a recipe of your own is given by its path, which ends in .toml"),
    ("qqq",
     "unknown recipe 'qqq'; shipped recipes: " + ", ".join(SHIPPED) + "; "
     "a recipe of your own is given by its path, which ends in .toml"),
    ("gone.toml",
     "gone.toml: cannot be read (No such file or directory); check the path, or name a shipped recipe: "
     + ", ".join(SHIPPED)),
    (Path("/"),
     "/: cannot be read (Is a directory); check the path, or name a shipped recipe: " + ", ".join(SHIPPED)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message"), NOT_FOUND)
def test_not_found(name, message):
    with pytest.raises(RecipeError) as caught:
        read_recipe(name)

    assert str(caught.value) == message


def test_not_utf8(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"description = '\xe9'")

    with pytest.raises(RecipeError, match="is no TOML file in UTF-8"):
        read_recipe(path)


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_say_everything(name):
    """No shipped recipe relies on a default, so that changing one changes no published figure."""
    path = Path(__file__).parents[2] / "exporters" / "training" / "recipes" / f"{name}.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    optional = {"demonstration", "task", "checkpoint", "architecture", "tokenizer", "student", "data", "early_stopping"}
    optional |= {"per_device_batch_size", "warmup_ratio", "warmup_steps"}

    assert len({"warmup_ratio", "warmup_steps"} & set(content)) == 1
    assert {each.name for each in dataclasses.fields(Recipe)} - {"name"} - optional <= set(content)
