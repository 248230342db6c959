"""The one-loop action of a bounce of V = u^2/2 - u^3/2 + alpha u^4/8 by other means than the package, to 20 digits.

python -m benchmarks.independent_one_loop [--dim 2 3 4] [--alpha 0.5] [--last 40]

Nothing of supersoliton is imported. Bounce and fluctuations are integrated as Taylor series of order 40, step by step;
the bounce is shot from both ends and matched; every T_l is a quotient of Wronskians with K, T_1' the exact formula of
one field; moments are integrals over the Taylor polynomials; beyond the last l the series in 1/nu is the one that goes
through the last values. Takes a minute or two for each dimension.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import mpmath as mp

DIGITS, ORDER, STEP, END, MIDDLE = 60, 44, "0.25", 40, 5
FITTED, APART = 9, 3  # powers nu^-5, nu^-7, ... that go through every third of the last values


class Bounce(NamedTuple):
    """Taylor coefficients of u and of W - 1 on each step from the centre, and the amplitude of the tail."""

    dim: int
    pieces: list[tuple[Any, Any, list[Any]]]  # radius, step, coefficients of u around the radius
    excess: list[list[Any]]
    centre: Any
    tail: Any


def _product(a: list[Any], b: list[Any], n: int) -> Any:
    return mp.fdot(a[: n + 1], b[n::-1])


def _fields(dim: int, alpha: Any, r: Any, value: Any, slope: Any) -> list[Any]:
    """Coefficients of the solution of u'' + (d - 1) u'/r = u - 3u^2/2 + alpha u^3/2 around r."""
    u = [value, slope] if r else [value, mp.mpf(0)]
    square, force = [], []
    for n in range(ORDER - 1):
        square.append(_product(u, u, n))
        force.append(u[n] - mp.mpf(3) / 2 * square[n] + alpha / 2 * _product(u, square, n))
        if r:  # (r + x) u'' + (d - 1) u' = (r + x) f, of order x^n
            rest = r * force[n] + (force[n - 1] if n else 0) - (n + 1) * (n + dim - 1) * u[n + 1]
            u.append(rest / (r * (n + 2) * (n + 1)))
        else:
            u.append(force[n] / ((n + 2) * (n + dim)))
    return u


def _linear(dim: int, ell: int, r: Any, w: list[Any], value: Any, slope: Any) -> list[Any]:
    """The same of g'' + (2l + d - 1) g'/r = w g; r^l g is the fluctuation."""
    c, g = 2 * ell + dim - 1, [value, slope] if r else [value, mp.mpf(0)]
    force: list[Any] = []
    for n in range(ORDER - 1):
        force.append(_product(w, g, n))
        if r:
            rest = r * force[n] + (force[n - 1] if n else 0) - (n + 1) * (n + c) * g[n + 1]
            g.append(rest / (r * (n + 2) * (n + 1)))
        else:
            g.append(force[n] / ((n + 2) * (n + 1 + c)))
    return g


def _ends(coefficients: list[Any], x: Any) -> tuple[Any, Any]:
    n = range(1, len(coefficients))
    return mp.polyval(coefficients[::-1], x), mp.polyval([k * coefficients[k] for k in n][::-1], x)


def _decaying(order: Any, mass: Any, r: Any) -> tuple[Any, Any]:
    """r^-nu K_order(mass r) with nu = order, and its slope."""
    return _bessel_k(order, mass * r) / r**order, -mass * _bessel_k(order + 1, mass * r) / r**order


def _bessel_k(order: Any, x: Any) -> Any:
    """The integral of exp(-x cosh t) cosh(order t), by equidistant points, whose error is exp(-pi^2 / step)."""
    step = mp.mpf(1) / 32
    points = [k * step for k in range(1, 193)]
    return step * (mp.exp(-x) / 2 + mp.fsum(mp.exp(-x * mp.cosh(t)) * mp.cosh(order * t) for t in points))


def find_bounce(dim: int, alpha: Any, guess: tuple[Any, Any]) -> Bounce:
    """Shoot from the centre and from END, Newton's method in the centre's value and ln of the tail's amplitude."""
    step, nu = mp.mpf(STEP), mp.mpf(dim) / 2 - 1

    def out(centre: Any) -> list[tuple[Any, Any, list[Any]]]:
        pieces, r, ends = [], mp.mpf(0), (centre, mp.mpf(0))
        while r < MIDDLE:  # a tenth of the distance from the origin, where the singular solutions are infinite
            h = min(step, r / 10, MIDDLE - r) if r else step
            pieces.append((r, h, _fields(dim, alpha, r, *ends)))
            r, ends = r + h, _ends(pieces[-1][2], h)
        return pieces

    def back(tail: Any) -> list[tuple[Any, Any, list[Any]]]:
        pieces, r = [], mp.mpf(END)
        ends = tuple(mp.exp(tail) * x for x in _decaying(nu, 1, r))
        while r > MIDDLE:
            ends = _ends(_fields(dim, alpha, r, *ends), -step)
            r -= step
            pieces.append((r, step, _fields(dim, alpha, r, *ends)))
        return pieces[::-1]

    def mismatch(centre: Any, tail: Any) -> tuple[Any, Any]:
        (_, h, inner), (_, _, outer) = out(centre)[-1], back(tail)[0]
        value, slope = _ends(inner, h)
        return value - outer[0], slope - outer[1]

    centre, tail = mp.findroot(mismatch, guess, tol=mp.mpf(10) ** -64, maxsteps=30)
    pieces = out(centre) + back(tail)
    excess = []
    for _, _, u in pieces:  # W - 1 = -3 u + 3 alpha u^2 / 2
        excess.append([-3 * u[n] + mp.mpf(3) / 2 * alpha * _product(u, u, n) for n in range(ORDER)])
    return Bounce(dim, pieces, excess, centre, mp.exp(tail))


def wronskian(bounce: Bounce, ell: int, shift: Any = 0) -> Any:
    """g'K - gK' at END over the same with W = 1, that is T_l at k^2 = ``shift``."""
    ends, order = (mp.mpf(1), mp.mpf(0)), ell + mp.mpf(bounce.dim) / 2 - 1
    for (r, step, _), excess in zip(bounce.pieces, bounce.excess, strict=True):
        w = [excess[0] + 1 + shift, *excess[1:]]
        ends = _ends(_linear(bounce.dim, ell, r, w, *ends), step)
    mass, r = mp.sqrt(1 + shift), mp.mpf(END)
    value, slope = _decaying(order, mass, r)
    # with W = 1 g = Gamma(order + 1) (2/m)^order r^-order I_order(mr), and the Wronskian of I and K is 1/r
    free = mp.gamma(order + 1) * (2 / mass) ** order / r ** (2 * order + 1)
    return (ends[1] * value - ends[0] * slope) / free


def integral(bounce: Bounce, f: Any) -> Any:
    """The integral of f(r, W - 1, u') by Gauss's rule on every step."""
    total, nodes = mp.mpf(0), _gauss(24)
    for (r, step, u), excess in zip(bounce.pieces, bounce.excess, strict=True):
        for x, weight in nodes:
            t = step * (1 + x) / 2
            (_, slope), w = _ends(u, t), mp.polyval(excess[::-1], t)
            total += weight * step / 2 * f(r + t, w, slope)
    return total


def _gauss(n: int) -> list[tuple[Any, Any]]:
    out = []
    for k in range(n):
        x = mp.cos(mp.pi * (k + mp.mpf("0.75")) / (n + mp.mpf("0.5")))
        for _ in range(8):
            p, q = mp.mpf(1), mp.mpf(0)
            for j in range(n):
                p, q = ((2 * j + 1) * x * p - j * q) / (j + 1), p
            slope = n * (x * p - q) / (x * x - 1)
            x -= p / slope
        out.append((x, 2 / ((1 - x * x) * slope**2)))
    return out


def one_loop(dim: int, alpha: Any, guess: tuple[Any, Any], last: int) -> dict[str, Any]:
    """S_0, ln T_l, T_1', S_1 at mu = 1, and the negative eigenvalue."""
    bounce = find_bounce(dim, alpha, guess)
    half, area = mp.mpf(dim) / 2, 2 * mp.pi ** (mp.mpf(dim) / 2) / mp.gamma(mp.mpf(dim) / 2)
    action = area / dim * integral(bounce, lambda r, w, slope: r ** (dim - 1) * slope**2)
    second = abs(bounce.pieces[0][2][2] * 2)
    removed = action / ((2 * mp.pi) ** half * bounce.tail * second)
    ratios = {ell: wronskian(bounce, ell) for ell in range(last + 1) if ell != 1}
    logs = [mp.log(abs(ratios[ell])) if ell != 1 else mp.log(removed) for ell in range(last + 1)]
    first = integral(bounce, lambda r, w, slope: r * w) / 2
    third = -integral(bounce, lambda r, w, slope: r**3 * (w * w + 2 * w)) / 8
    nus = [ell + half - 1 for ell in range(last + 1)]
    copies = [1 if ell == 0 else {2: 2, 3: 2 * ell + 1, 4: (ell + 1) ** 2}[dim] for ell in range(last + 1)]
    leading = [first / nu + third / nu**3 if nu else mp.mpf(0) for nu in nus]
    total = mp.fdot(copies, [log - one for log, one in zip(logs, leading, strict=True)]) / 2
    powers = [5 + 2 * k for k in range(FITTED)]
    chosen = [last - APART * k for k in range(FITTED)]
    matrix = mp.matrix([[nus[ell] ** -p for p in powers] for ell in chosen])
    fit = mp.lu_solve(matrix, mp.matrix([logs[ell] - leading[ell] for ell in chosen]))
    share = 1 if dim == 4 else 2
    total += sum(fit[k] * share * mp.zeta(p - dim + 2, nus[-1] + 1) for k, p in enumerate(powers)) / 2
    total += _finite(bounce, dim, third)
    eigenvalue = mp.findroot(lambda x: wronskian(bounce, 0, -x), (mp.mpf("-0.62"), mp.mpf("-0.9")), solver="secant",
                             tol=1e-40)  # fmt: skip
    return {
        "dim": dim, "S0": action, "S1": total - half * mp.log(action / (2 * mp.pi)), "removed": removed,
        "logs": {ell: logs[ell] for ell in (0, 2, 5, 20) if ell <= last}, "negative_eigenvalue": eigenvalue,
    }  # fmt: skip


def _finite(bounce: Bounce, dim: int, third: Any) -> Any:
    """What minimal subtraction at mu = 1 adds."""
    if dim == 3:
        return mp.pi**2 / 2 * third
    if dim == 2:
        log = integral(bounce, lambda r, w, slope: r * w * (mp.log(r / 2) + mp.euler)) / 2
        return log + mp.zeta(3) * third
    return -integral(bounce, lambda r, w, slope: r**3 * (w * w + 2 * w) * (mp.log(r / 2) + mp.euler + 1)) / 16


# Where Newton's method begins: u(0) and ln of the tail's amplitude, from one of our bounces to a few digits
GUESSES = {2: ("1.87523564", "2.32888784"), 3: ("2.98408673", "3.23179516"), 4: ("4.13871213", "4.39813781")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dim", type=int, nargs="+", default=[2, 3, 4], choices=(2, 3, 4))
    parser.add_argument("--alpha", default="0.5", help="default 0.5, for which the starts were made")
    parser.add_argument("--last", type=int, default=40, help="last l that is integrated (default 40)")
    chosen = parser.parse_args()
    mp.mp.dps = DIGITS
    for dim in chosen.dim:
        guess = tuple(mp.mpf(x) for x in GUESSES[dim])
        found = one_loop(dim, mp.mpf(chosen.alpha), guess, chosen.last)
        print(f"d = {dim}: S0 {mp.nstr(found['S0'], 16)}  S1 {mp.nstr(found['S1'], 16)}  T_1' "
              f"{mp.nstr(found['removed'], 14)}  eigenvalue {mp.nstr(found['negative_eigenvalue'], 14)}")  # fmt: skip
        print("       " + "  ".join(f"ln T_{ell} {mp.nstr(x, 14)}" for ell, x in found["logs"].items()), flush=True)


if __name__ == "__main__":
    main()
