"""Figures of whole sets of sounds: inception score, Frechet distance, KL divergence.

Each takes what any classifier says of the sounds, so they depend on it: figures of different
classifiers, or of different numbers of sounds, cannot be compared. All is computed in float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from scipy.special import log_softmax, rel_entr

Doubles = NDArray[np.float64]
SPLITS = 10
SHUFFLE_SEED = 2020
KL_FLOOR = 1e-6


def probabilities(logits: ArrayLike) -> Doubles:
    """Softmax over classes of logits (sounds, classes)."""
    return np.exp(log_softmax(np.asarray(logits, np.float64), axis=1))


def inception_score(classes: ArrayLike, splits: int = SPLITS) -> tuple[float, float]:
    """``exp(E KL(p(y|x) || p(y)))``: high where sounds are clear, and differ from each other.

    Args:
        classes: probabilities (sounds, classes), rows that sum to 1.
        splits: parts that are scored by themselves, in an order shuffled by a fixed seed.

    Returns:
        Mean and standard deviation over the parts; from 1 (all alike) to the number of classes.

    Raises:
        ValueError: fewer sounds than parts.

    Source: Salimans et al. 2016, "Improved techniques for training GANs", section 4; splits and
    shuffle as SpecVQGAN's evaluation, which Diff-Foley's figures were made with.
    """
    rows = _rows(classes)
    if len(rows) < splits:
        raise ValueError(f"{len(rows)} sounds cannot be cut into {splits} parts")
    shuffled = rows[np.random.RandomState(SHUFFLE_SEED).permutation(len(rows))]
    scores = [
        float(np.exp(rel_entr(part, part.mean(0, keepdims=True)).sum(1).mean()))
        for part in np.array_split(shuffled, splits)
    ]
    return float(np.mean(scores)), float(np.std(scores))


def frechet_distance(real: ArrayLike, made: ArrayLike) -> float:
    """Squared Wasserstein-2 distance of Gaussians fitted to two sets of embeddings.

    ``|m - n|^2 + tr(S + T - 2 (S^1/2 T S^1/2)^1/2)``; the trace of the root is the sum of the
    roots of the eigenvalues, which are real here, unlike those of a numerical root of ``S T``
    where there are fewer sounds than dimensions. It is biased upwards by small sets.

    Args:
        real, made: (sounds, dimensions), at least two sounds each.

    Source: Dowson and Landau 1982; Heusel et al. 2017, "GANs trained by a two time-scale update
    rule", section 4.
    """
    first, second = _rows(real), _rows(made)
    if len(first) < 2 or len(second) < 2:
        raise ValueError("a Frechet distance needs two sounds on either side")
    offset = first.mean(0) - second.mean(0)
    one, other = np.atleast_2d(np.cov(first.T)), np.atleast_2d(np.cov(second.T))
    values, vectors = eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    mixed = eigh(root @ other @ root, eigvals_only=True)
    overlap = float(np.sqrt(np.maximum(mixed, 0)).sum())
    return float(max(0.0, offset @ offset + np.trace(one) + np.trace(other) - 2 * overlap))


def mean_kl(real: ArrayLike, made: ArrayLike) -> float:
    """Mean ``KL(real || made)`` over pairs of a true sound and the one made for its picture.

    Args:
        real, made: class probabilities (sounds, classes), row by row of the same clip.

    Source: Iashin and Rahtu 2021 (SpecVQGAN), whose evaluation adds 1e-6 to ``made``.
    """
    truth, found = _rows(real), _rows(made)
    if truth.shape != found.shape:
        raise ValueError(f"{truth.shape} and {found.shape} do not pair")
    # xlogy's convention: a class that the true sound has not counts nothing.
    terms = rel_entr(truth, found + KL_FLOOR)
    return float(terms.sum(1).mean())


def _rows(values: ArrayLike) -> Doubles:
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ValueError(f"expected (sounds, values), not {rows.shape}")
    if not np.isfinite(rows).all():
        raise ValueError("not all values are finite")
    return rows
