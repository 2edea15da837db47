"""The steps of a GRU, compiled: forward over a sequence, and the gradient back through it.

Everywhere: T time, B rows, H units; gates stand in torch's order r, z, n.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_HALF, _ONE = np.float32(0.5), np.float32(1.0)
_LARGEST = np.float32(7.90531110763549805)
_ODD = tuple(
    np.float32(c)
    for c in (
        -2.76076847742355e-16,
        2.00018790482477e-13,
        -8.60467152213735e-11,
        5.12229709037114e-08,
        1.48572235717979e-05,
        6.37261928875436e-04,
        4.89352455891786e-03,
    )
)
_EVEN = tuple(
    np.float32(c)
    for c in (
        1.19825839466702e-06,
        1.18534705686654e-04,
        2.26843463243900e-03,
        4.89352518554385e-03,
    )
)

_NUMBERS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
"""Products and sums may be fused, and nothing else is taken lightly."""
_OUTER: dict[str, Any] = {**_NUMBERS, "cache": True, "nogil": True}
_INNER: dict[str, Any] = {**_NUMBERS, "forceinline": True}


@numba.njit(**_INNER)
def tanh(x):
    """Return the hyperbolic tangent of a float32, within 4e-7.

    A ratio of polynomials, odd of degree 13 over even of degree 6, with the coefficients of the
    Eigen library: nothing but products and sums, so that eight are computed at once.
    """
    x = min(max(x, -_LARGEST), _LARGEST)
    square = x * x
    odd, even = _ODD[0], _EVEN[0]
    for c in _ODD[1:]:
        odd = odd * square + c
    for c in _EVEN[1:]:
        even = even * square + c
    return x * odd / even


@numba.njit(**_INNER)
def sigmoid(x):
    """Return 1 / (1 + exp(-x)) of a float32, within 2e-7."""
    return _HALF + _HALF * tanh(_HALF * x)


@numba.njit(**_INNER)
def add_products(rows, matrix, out):
    """Add the product of two matrices to a third.

    Four rows and two terms at a time: what is loaded serves several times before it is let go.

    Args:
        rows: float32 [B, n].
        matrix: float32 [n, m].
        out: float32 [B, m or more]. The first m columns are written.
    """
    width, last = matrix.shape[1], rows.shape[0] // 4 * 4
    for b in range(0, last, 4):
        _add_four(
            (rows[b], rows[b + 1], rows[b + 2], rows[b + 3]),
            matrix,
            (out[b, :width], out[b + 1, :width], out[b + 2, :width], out[b + 3, :width]),
        )
    for b in range(last, rows.shape[0]):
        _add_one(rows[b], matrix, out[b, :width], 0)


@numba.njit(**_INNER)
def _add_four(rows, matrix, out):
    """Add the product of four rows and a matrix to four rows."""
    row_0, row_1, row_2, row_3 = rows
    out_0, out_1, out_2, out_3 = out
    even = row_0.shape[0] // 2 * 2
    for k in range(0, even, 2):
        a_0, a_1, a_2, a_3 = row_0[k], row_1[k], row_2[k], row_3[k]
        b_0, b_1, b_2, b_3 = row_0[k + 1], row_1[k + 1], row_2[k + 1], row_3[k + 1]
        for j in range(out_0.shape[0]):
            first, second = matrix[k, j], matrix[k + 1, j]
            out_0[j] += a_0 * first + b_0 * second
            out_1[j] += a_1 * first + b_1 * second
            out_2[j] += a_2 * first + b_2 * second
            out_3[j] += a_3 * first + b_3 * second
    for n in range(4):
        _add_one(rows[n], matrix, out[n], even)


@numba.njit(**_INNER)
def _add_one(row, matrix, out, start):
    """Add the product of a row and a matrix to a row, from a term on."""
    for k in range(start, row.shape[0]):
        for j in range(out.shape[0]):
            out[j] += row[k] * matrix[k, j]


@numba.njit(**_OUTER)
def scan_forward(gates, h, weight, bias, states, acts):
    """Run the recurrence over a sequence.

    Args:
        gates: float32 [T, B, 3 H]. What the inputs contribute to the gates.
        h: float32 [B, H]. State before the first step.
        weight: float32 [H, 3 H]. Recurrent weights, transposed.
        bias: float32 [3 H].
        states: float32 [T, B, H]. Written.
        acts: float32 [T, B, 4 H]. Written: r, z, n, and U_n h + c_n, for the gradient.
    """
    before = h
    for t in range(gates.shape[0]):
        for b in range(h.shape[0]):
            act = acts[t, b]
            for j in range(bias.shape[0]):
                act[j] = bias[j]
        add_products(before, weight, acts[t])
        for b in range(h.shape[0]):
            _step_forward(gates[t, b], before[b], acts[t, b], states[t, b])
        before = states[t]


@numba.njit(**_INNER)
def _step_forward(gate, before, act, after):
    """Write one row's state; `act` holds U h + c and is turned into what the gradient reads."""
    num_units = before.shape[0]
    for j in range(2 * num_units):
        act[j] = sigmoid(act[j] + gate[j])
    for j in range(num_units):
        act[3 * num_units + j] = act[2 * num_units + j]
    for j in range(num_units):
        act[2 * num_units + j] = tanh(gate[2 * num_units + j] + act[j] * act[3 * num_units + j])
    for j in range(num_units):
        n = act[2 * num_units + j]
        after[j] = n + act[num_units + j] * (before[j] - n)


@numba.njit(**_OUTER)
def scan_backward(grad, before, weight, acts, by_input, by_state, by_h):
    """Run the gradient back through a sequence.

    Args:
        grad: float32 [T, B, H]. Gradient of the loss by each state, from outside the recurrence.
        before: float32 [T, B, H]. State before each step.
        weight: float32 [3 H, H]. Recurrent weights.
        acts: float32 [T, B, 4 H]. What `scan_forward` wrote.
        by_input: float32 [T, B, 3 H]. Written: gradient by what inputs contribute to the gates.
        by_state: float32 [T, B, 3 H]. Written: gradient by U h + c.
        by_h: float32 [B, H]. Written: gradient by the state before the first step.
    """
    for b in range(before.shape[1]):
        for j in range(before.shape[2]):
            by_h[b, j] = np.float32(0.0)
    for t in range(grad.shape[0] - 1, -1, -1):
        for b in range(before.shape[1]):
            _step_backward(
                grad[t, b], before[t, b], acts[t, b], by_input[t, b], by_state[t, b], by_h[b]
            )
        add_products(by_state[t], weight, by_h)


@numba.njit(**_INNER)
def _step_backward(grad, before, act, by_input, by_state, by_h):
    """Write one row's gradients by the gates, and z * dh into by_h, which holds dh from after."""
    num_units = before.shape[0]
    for j in range(num_units):
        r, z, n = act[j], act[num_units + j], act[2 * num_units + j]
        dh = grad[j] + by_h[j]
        by_n = dh * (_ONE - z) * (_ONE - n * n)
        by_r = by_n * act[3 * num_units + j] * r * (_ONE - r)
        by_z = dh * (before[j] - n) * z * (_ONE - z)
        by_input[j] = by_r
        by_input[num_units + j] = by_z
        by_input[2 * num_units + j] = by_n
        by_state[j] = by_r
        by_state[num_units + j] = by_z
        by_state[2 * num_units + j] = by_n * r
        by_h[j] = dh * z
