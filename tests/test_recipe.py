"""Training recipes: what is shipped, what a file may say, and the one line that refuses everything else."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

from exporters.errors import RecipeError
from exporters.training.recipe import Architecture, Recipe, TokenizerRecipe, read_recipe, recipe_names

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
    "description, demonstration, checkpoint, architecture.model_type, architecture.hidden_size, "
    "architecture.num_hidden_layers, architecture.num_attention_heads, architecture.intermediate_size, "
    "architecture.max_position_embeddings, architecture.embedding_size, architecture.num_hidden_groups, "
    "tokenizer.vocab_size, max_length, batch_size, epochs, learning_rate, warmup_ratio, weight_decay, max_grad_norm, "
    "group_by_length, seed"
)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_shipped_names():
    assert recipe_names() == ("albert-mini", "demonstration")


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_can_be_read(name):
    recipe = read_recipe(name)

    assert recipe.name == name
    assert recipe.architecture.max_position_embeddings == 512
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
        max_length=64,
        batch_size=8,
        epochs=2,
        learning_rate=1e-3,
        warmup_ratio=0.1,
        weight_decay=0.01,
        max_grad_norm=1.0,
        group_by_length=True,
        seed=7,
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
        "group_by_length": False,
    }
    changed = {dataclasses.replace(recipe, **{key: value}).sha256 for key, value in changes.items()}

    assert len(changed | {recipe.sha256}) == len(changes) + 1
    assert dataclasses.replace(recipe, name="other", description="other").sha256 == recipe.sha256


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
    ("epochs = 2", "epochs = 2\ngroup_by_length = 1", "'group_by_length' is 1, expected true or false"),
    ("epochs = 2", "epochs = 2\ndemonstration = 'no'", "'demonstration' is 'no', expected true or false"),
    ('"from scratch"', '" "', "'description' is ' ', expected one line of text"),
    ('"from scratch"', r'"a\nb"', r"'description' is 'a\nb', expected one line of text"),
    ('"from scratch"', "[1, 2]", "'description' is [1, 2], expected one line of text"),
    ('"albert"', '"bart"', "'architecture.model_type' is 'bart', expected one of 'albert', 'bert'"),
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
    ("epochs = 2", "epochs = 2\nepoch = 3", f"unknown key 'epoch'; did you mean 'epochs'? known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\nhidden_size = 3",
     f"unknown key 'hidden_size'; did you mean 'architecture.hidden_size'? known keys: {KNOWN}"),
    ("vocab_size", "vocab_sise",
     f"unknown key 'tokenizer.vocab_sise'; did you mean 'tokenizer.vocab_size'? known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\nname = 'x'", f"unknown key 'name'; known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\n[zzz]\nepochs = 1", f"unknown key 'zzz'; known keys: {KNOWN}"),
    ("epochs = 2", "epochs = 2\nepochs = 3",
     "is no TOML file in UTF-8 (Cannot overwrite a value (at line 6, column 11)); mend it there"),
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
     "'tokenizer' stands beside 'checkpoint', expected the checkpoint's own tokenizer: leave it out"),
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
     "unknown recipe 'demonstartion'; did you mean 'demonstration'? shipped recipes: albert-mini, demonstration; "
     "a recipe of your own is given by its path, which ends in .toml"),
    ("qqq",
     "unknown recipe 'qqq'; shipped recipes: albert-mini, demonstration; "
     "a recipe of your own is given by its path, which ends in .toml"),
    ("gone.toml",
     "gone.toml: cannot be read (No such file or directory); check the path, or name a shipped recipe: "
     "albert-mini, demonstration"),
    (Path("/"),
     "/: cannot be read (Is a directory); check the path, or name a shipped recipe: albert-mini, demonstration"),
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
    """Nothing in a shipped recipe rests on a default, so that a later default changes no published figure."""
    path = Path(__file__).parents[1] / "exporters" / "training" / "recipes" / f"{name}.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    optional = {"demonstration", "checkpoint", "architecture", "tokenizer"}

    assert {each.name for each in dataclasses.fields(Recipe)} - {"name"} - optional <= set(content)
