"""Closed-form counts from a configuration, for BERT-like encoders and for MobileBERT; they check the count of the built model.

Symbols as in the papers: V vocabulary size, E embedding size, H hidden size, I intermediate size, A attention heads,
s tokens of the text. Sources: Devlin et al., "BERT" (2019); Lan et al., "ALBERT" (2020), section 3.1; Sun et al.,
"MobileBERT" (2020), table 1; for activations, the operators of the models in transformers 4.57.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .counts import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FLOAT = 4  # bytes


class NoFormulaError(ValueError):
    """An architecture without a formula."""


class _Activation(NamedTuple):
    """Tensors of its input's size that an activation function needs."""

    live: int  # at once, including its input
    kept: int  # for the backward pass, including its result, which the next layer reads


_ACTIVATIONS = {
    "gelu": _Activation(2, 2),
    "gelu_new": _Activation(4, 5),  # eight operators
    "relu": _Activation(2, 1),  # its derivative needs only its result
}


def count_by_formula(config: Any, lengths: Sequence[int]) -> Counts:
    """Counts for a classifier's transformers configuration; raises NoFormulaError for an architecture without a formula."""
    if config.model_type not in _FAMILIES:
        raise NoFormulaError(f"no formula for the model type {config.model_type!r}, only for {', '.join(_FAMILIES)}")
    sizes = _FAMILIES[config.model_type](config)
    return Counts(
        parameters=sizes.parameters,
        effective=sizes.effective,
        embedding=sizes.embedding,
        unfactored=sizes.vocabulary * sizes.hidden,
        operations={length: sizes.operations(length) for length in lengths},
        live={length: _FLOAT * sizes.live(length) for length in lengths},
        kept={length: _FLOAT * sizes.kept(length) for length in lengths},
    )


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def _norm(size: int) -> int:
    return 2 * size


def _dropout(probability: float) -> int:
    """1 with dropout, which keeps a tensor of its mask on a CPU; else 0."""
    return int(probability > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """Sizes that both families have; a dropout is 1 or 0, as by ``_dropout``."""

    vocabulary: int  # V
    rows: int  # of the tables of positions and token types, together
    table: int  # E
    hidden: int  # H
    inner: int  # I
    heads: int  # A
    labels: int
    activation: _Activation
    dropout: int  # after the embeddings
    attention_dropout: int
    head_dropout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoder(_Sizes):
    """BERT-like: embeddings, layers of attention and a feed-forward network, and a head of two layers on the first token."""

    stored: int  # layers
    used: int  # layers, each time one is executed
    factorised: bool  # a linear layer from E to H
    layer_dropouts: int  # of size s × H, in a layer
    dropout_first: bool = False  # the head begins with dropout (RoBERTa): it does not keep the last layer's result
    scaled_query: bool = False  # the query is scaled instead of the scores (DistilBERT in transformers 4)

    @property
    def _layer(self) -> int:
        """Parameters of one layer."""
        attention = 4 * _linear(self.hidden, self.hidden) + _norm(self.hidden)
        network = _linear(self.hidden, self.inner) + _linear(self.inner, self.hidden) + _norm(self.hidden)
        return attention + network

    @property
    def _rest(self) -> int:
        """Parameters outside the layers."""
        tables = (self.vocabulary + self.rows) * self.table + _norm(self.table)
        projection = _linear(self.table, self.hidden) if self.factorised else 0
        return tables + projection + _linear(self.hidden, self.hidden) + _linear(self.hidden, self.labels)

    @property
    def parameters(self) -> int:
        return self._rest + self.stored * self._layer

    @property
    def effective(self) -> int:
        return self._rest + self.used * self._layer

    @property
    def embedding(self) -> int:
        return self.vocabulary * self.table + (self.table * self.hidden if self.factorised else 0)

    def operations(self, s: int) -> int:
        projection = 2 * s * self.table * self.hidden if self.factorised else 0
        products = 2 * s * (4 * self.hidden**2 + 2 * self.hidden * self.inner)  # with weights
        attention = 4 * s**2 * self.hidden  # query by key, and probabilities by value
        head = 2 * self.hidden**2 + 2 * self.hidden * self.labels
        return projection + self.used * (products + attention) + head

    def live(self, s: int) -> int:
        """Numbers live at once, the most over the operators that may need most."""
        hidden, scores, inner = s * self.hidden, self.heads * s**2, s * self.inner
        return max(
            3 * s * self.table,  # two embeddings and their sum
            (5 if self.scaled_query else 4) * hidden,  # input, query, key, value, and the query scaled
            4 * hidden + scores,  # input, query, key, value, and scores
            2 * hidden + 2 * scores,  # input, value, scores, and their softmax
            hidden + self.activation.live * inner,  # input of the network, and its activation function
            2 * hidden + inner,  # input of the network, its activation's result, and its output
        )

    def kept(self, s: int) -> int:
        """Numbers kept for the backward pass."""
        statistics = 2 * s  # mean and deviation, of each layer norm
        embeddings = s * self.table * (1 + self.dropout + self.factorised) + statistics
        # Input, query, key, value, context, both norms' inputs, and the first norm's result.
        layer = (8 + self.layer_dropouts) * s * self.hidden + self.activation.kept * s * self.inner + 2 * statistics
        probabilities = (1 + 2 * self.attention_dropout) * self.heads * s**2
        return embeddings + self.used * (layer + probabilities) + self._kept_by_head(s)

    def _kept_by_head(self, s: int) -> int:
        dropped = 2 * self.head_dropout * self.hidden  # its factors, and its result
        if self.dropout_first and self.head_dropout:
            return self.hidden + 2 * dropped
        return s * self.hidden + self.hidden + dropped  # the first token is a view of the last layer's result


@dataclass(frozen=True, slots=True, kw_only=True)
class _MobileBert(_Sizes):
    """Layers of size H outside and T inside, between two bottlenecks, each with F feed-forward networks."""

    window: int  # neighbouring tokens whose embeddings are concatenated: 3 or 1
    projected: bool  # whether the linear layer from them to H is executed; it is stored in any case
    true: int  # T
    layers: int
    networks: int  # F
    layer_norm: bool  # instead of a product and a sum
    pooler: bool

    @property
    def _layer(self) -> int:
        """Parameters of one layer."""
        into = 2 * (_linear(self.hidden, self.true) + _norm(self.true))
        attention = 3 * _linear(self.true, self.true) + _linear(self.hidden, self.true) + _norm(self.true)
        network = _linear(self.true, self.inner) + _linear(self.inner, self.true) + _norm(self.true)
        out = _linear(self.true, self.hidden) + _norm(self.hidden)
        return into + attention + self.networks * network + out

    @property
    def parameters(self) -> int:
        tables = self.vocabulary * self.table + self.rows * self.hidden + _norm(self.hidden)
        pooler = _linear(self.hidden, self.hidden) if self.pooler else 0
        head = pooler + _linear(self.hidden, self.labels)
        return tables + _linear(self.window * self.table, self.hidden) + self.layers * self._layer + head

    @property
    def effective(self) -> int:
        return self.parameters - (0 if self.projected else _linear(self.window * self.table, self.hidden))

    @property
    def embedding(self) -> int:
        return self.vocabulary * self.table + self.window * self.table * self.hidden

    def operations(self, s: int) -> int:
        projection = 2 * s * self.window * self.table * self.hidden if self.projected else 0
        across = 4 * self.hidden * self.true  # two bottlenecks in, value, and one out
        within = 3 * self.true**2 + self.networks * 2 * self.true * self.inner
        layers = self.layers * (2 * s * (across + within) + 4 * s**2 * self.true)
        pooler = 2 * self.hidden**2 if self.pooler else 0
        return projection + layers + pooler + 2 * self.hidden * self.labels

    def live(self, s: int) -> int:
        """As of an encoder; a layer's input is live throughout the layer."""
        hidden, true, scores, inner = s * self.hidden, s * self.true, self.heads * s**2, s * self.inner
        together = s * self.window * self.table
        return max(
            2 * together if self.window > 1 else 0,  # neighbours, and their concatenation
            together + hidden,  # the concatenation, and its projection
            4 * hidden,  # three embeddings, and the sum of two
            hidden + 4 * true + scores,  # bottleneck, query, key, value, and scores
            hidden + 2 * true + 2 * scores,  # bottleneck, value, scores, and their softmax
            hidden + true + self.activation.live * inner,  # input of a network, and its activation
            hidden + 2 * true + inner,  # input of a network, its activation's result, and its output
            2 * hidden + true,  # input and output of the output bottleneck
        )

    def kept(self, s: int) -> int:
        """Numbers kept for the backward pass."""
        statistics = 2 * s * self.layer_norm
        together = s * self.window * self.table if self.projected else 0
        embeddings = together + (1 + self.dropout) * s * self.hidden + statistics
        # Of size T: both bottlenecks' outputs and the normalised one, query, key, value, context, the norm's input and result;
        # two more for each network, its norm's input and result.
        true = (9 + 2 * self.networks) * s * self.true
        hidden = (2 + self.dropout) * s * self.hidden  # the layer's input, and its last norm's
        networks = self.networks * self.activation.kept * s * self.inner
        probabilities = (1 + 2 * self.attention_dropout) * self.heads * s**2
        layer = true + hidden + networks + probabilities + (self.networks + 4) * statistics
        return embeddings + self.layers * layer + self._kept_by_head(s)

    def _kept_by_head(self, s: int) -> int:
        dropped = 2 * self.head_dropout * self.hidden
        if self.pooler:
            return s * self.hidden + self.hidden + dropped
        return dropped or s * self.hidden


def _activation(name: str) -> _Activation:
    if name not in _ACTIVATIONS:
        raise NoFormulaError(f"no formula for the activation {name!r}, only for {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def _common(config: Any) -> dict[str, Any]:
    """Sizes under the names of BERT's configuration, which ALBERT and MobileBERT share."""
    kind = getattr(config, "position_embedding_type", "absolute")
    if kind != "absolute":
        raise NoFormulaError(f"no formula for positions of the kind {kind!r}, only for 'absolute'")
    return {
        "vocabulary": config.vocab_size,
        "rows": config.max_position_embeddings + config.type_vocab_size,
        "hidden": config.hidden_size,
        "inner": config.intermediate_size,
        "heads": config.num_attention_heads,
        "labels": config.num_labels,
        "activation": _activation(config.hidden_act),
        "dropout": _dropout(config.hidden_dropout_prob),
        "attention_dropout": _dropout(config.attention_probs_dropout_prob),
    }


def _head_dropout(config: Any) -> int:
    own = config.classifier_dropout
    return _dropout(config.hidden_dropout_prob if own is None else own)


def _albert(config: Any) -> _Encoder:
    return _Encoder(
        **_common(config),
        table=config.embedding_size,
        stored=config.num_hidden_groups * config.inner_group_num,
        used=config.num_hidden_layers * config.inner_group_num,
        factorised=True,  # by a layer from E to H even if the two are equal
        layer_dropouts=_dropout(config.hidden_dropout_prob),
        head_dropout=_dropout(config.classifier_dropout_prob),
    )


def _bert(config: Any) -> _Encoder:
    return _Encoder(
        **_common(config),
        table=config.hidden_size,
        stored=config.num_hidden_layers,
        used=config.num_hidden_layers,
        factorised=False,
        layer_dropouts=2 * _dropout(config.hidden_dropout_prob),
        head_dropout=_head_dropout(config),
        dropout_first=config.model_type == "roberta",
    )


def _distilbert(config: Any) -> _Encoder:
    from transformers.models.distilbert import modeling_distilbert

    return _Encoder(
        vocabulary=config.vocab_size,
        rows=config.max_position_embeddings,
        table=config.dim,
        hidden=config.dim,
        inner=config.hidden_dim,
        heads=config.n_heads,
        stored=config.n_layers,
        used=config.n_layers,
        labels=config.num_labels,
        activation=_activation(config.activation),
        factorised=False,
        dropout=_dropout(config.dropout),
        layer_dropouts=_dropout(config.dropout),
        attention_dropout=_dropout(config.attention_dropout),
        head_dropout=_dropout(config.seq_classif_dropout),
        scaled_query=not hasattr(modeling_distilbert, "eager_attention_forward"),  # the common one scales the scores
    )


def _mobilebert(config: Any) -> _MobileBert:
    kind = (config.use_bottleneck, config.use_bottleneck_attention, config.key_query_shared_bottleneck)
    if kind != (True, False, True):
        raise NoFormulaError("no formula for MobileBERT with other bottlenecks than the published ones")
    return _MobileBert(
        **_common(config),
        table=config.embedding_size,
        window=3 if config.trigram_input else 1,
        projected=config.trigram_input or config.embedding_size != config.hidden_size,
        true=config.true_hidden_size,
        layers=config.num_hidden_layers,
        networks=config.num_feedforward_networks,
        layer_norm=config.normalization_type == "layer_norm",
        pooler=config.classifier_activation,
        head_dropout=_head_dropout(config),
    )


_FAMILIES: dict[str, Callable[[Any], _Encoder | _MobileBert]] = {
    "albert": _albert,
    "bert": _bert,
    "distilbert": _distilbert,
    "mobilebert": _mobilebert,
    "roberta": _bert,
}
