"""Small figures that stand for a meaning, as polygons in the square from -1 to 1, y down."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Polygons = list[NDArray[np.float64]]

TURN = 2 * np.pi


def circle(x: float = 0.0, y: float = 0.0, radius: float = 1.0, count: int = 28) -> NDArray[np.float64]:
    """Return a circle as a polygon."""
    angle = np.linspace(0, TURN, count, endpoint=False)
    return np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])


def ray_star(rays: int, inner: float, phase: float = -np.pi / 2) -> NDArray[np.float64]:
    """Return a star with so many rays."""
    angle = np.linspace(0, TURN, 2 * rays, endpoint=False) + phase
    radius = np.where(np.arange(2 * rays) % 2 == 0, 1.0, inner)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def ribbon(points: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return a line of points as a polygon of this width."""
    direction = np.gradient(points, axis=0)
    normal = np.column_stack([-direction[:, 1], direction[:, 0]])
    normal /= np.maximum(np.hypot(*normal.T)[:, None], 1e-6)
    return np.vstack([points + normal * width / 2, (points - normal * width / 2)[::-1]])


def polygon(*points: tuple[float, float]) -> NDArray[np.float64]:
    """Return a polygon."""
    return np.array(points, dtype=np.float64)


def spiral(turns: float, width: float) -> NDArray[np.float64]:
    """Return a spiral ribbon from the middle outwards."""
    angle = np.linspace(0, turns * TURN, 50)
    radius = 0.12 + 0.8 * angle / angle[-1]
    return ribbon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), width)


def teardrop(x: float = 0.0, y: float = 0.0, size: float = 1.0, lean: float = 0.0) -> NDArray[np.float64]:
    """Return a drop with its point up, leaning to a side at the point."""
    angle = np.linspace(0, TURN, 36, endpoint=False)
    height = -np.cos(angle)
    across = 0.62 * np.sin(angle) * np.sin(angle / 2) ** 1.5 + lean * np.clip(-height, 0, 1) ** 2
    return np.column_stack([x + size * across, y + size * height])


def flame() -> Polygons:
    """Return a flame of three tongues."""
    return [teardrop(-0.38, 0.3, 0.66, -0.15), teardrop(0.36, 0.36, 0.6, 0.2), teardrop(0.0, 0.0, 1.0, 0.18)]


def wave() -> Polygons:
    """Return three waves, one over another."""
    x = np.linspace(-1, 1, 30)
    return [ribbon(np.column_stack([x, y + 0.16 * np.sin(3 * np.pi * x)]), 0.16) for y in (-0.5, 0.0, 0.5)]


def tree() -> Polygons:
    """Return a fir."""
    tiers = [
        polygon((0, top), (width, top + 0.75), (-width, top + 0.75))
        for top, width in ((-1.0, 0.45), (-0.6, 0.6), (-0.15, 0.75))
    ]
    return [*tiers, polygon((-0.12, 0.55), (0.12, 0.55), (0.12, 1.0), (-0.12, 1.0))]


def flower() -> Polygons:
    """Return five petals."""
    return [circle(0.52 * np.cos(a), 0.52 * np.sin(a), 0.42, 18) for a in np.arange(5) * TURN / 5 - np.pi / 2]


def snowflake() -> Polygons:
    """Return six arms with branches."""
    arms: Polygons = []
    for angle in np.arange(6) * TURN / 6:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for start, end in (((0, 0), (1, 0)), ((0.55, 0), (0.8, 0.28)), ((0.55, 0), (0.8, -0.28))):
            arms.append(ribbon(np.linspace(start, end, 4) @ turn, 0.13))
    return arms


def sun() -> Polygons:
    """Return a disc with eight rays."""
    angles, radii = np.array([-0.16, 0.16, 0.0]), np.array([0.66, 0.66, 1.0])
    turns = np.arange(8) * TURN / 8
    rays = [np.column_stack([radii * np.cos(angles + turn), radii * np.sin(angles + turn)]) for turn in turns]
    return [circle(radius=0.52), *rays]


def moon() -> Polygons:
    """Return a crescent."""
    outer = circle(count=40)[8:33]
    inner = circle(0.36, 0.0, 0.78, 40)[10:31]
    return [np.vstack([outer, inner[::-1]])]


def rain() -> Polygons:
    """Return three slanting streaks."""
    streaks = ((-0.6, 0.9), (0.0, 0.4), (0.6, 0.8))
    return [ribbon(np.linspace((x + 0.2, -y), (x - 0.2, 1 - y), 4), 0.14) for x, y in streaks]


def heart() -> Polygons:
    """Return a heart."""
    angle = np.linspace(0, TURN, 40, endpoint=False)
    height = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    return [np.column_stack([0.95 * np.sin(angle) ** 3, -height / 17])]


def leaf(x: float = 0.0, y: float = 0.0, length: float = 1.0, width: float = 0.45) -> NDArray[np.float64]:
    """Return a leaf that stands upright."""
    angle = np.linspace(0, TURN, 40, endpoint=False)
    return np.column_stack([x + width * np.sin(angle) * (1 + 0.15 * np.cos(angle)), y - length * np.cos(angle)])


def coin() -> Polygons:
    """Return a coin with a square hole."""
    rim = circle(radius=0.85)
    hole = polygon((-0.26, -0.26), (0.26, -0.26), (0.26, 0.26), (-0.26, 0.26))
    return [ribbon(np.vstack([rim, rim[:1]]), 0.22), hole]


def hill() -> Polygons:
    """Return a rounded hill."""
    x = np.linspace(-1, 1, 24)
    return [np.vstack([np.column_stack([x, 0.6 - 0.9 * np.cos(x * np.pi / 2)]), [(1, 0.75), (-1, 0.75)]])]


def bird() -> Polygons:
    """Return two wings from afar."""
    half = np.linspace(0, np.pi, 16)
    return [
        ribbon(np.column_stack([np.linspace(start, start + 1, 16), 0.15 - 0.45 * np.sin(half)]), 0.2)
        for start in (-1, 0)
    ]


def book() -> Polygons:
    """Return an open book."""
    return [
        polygon((side, -0.6), (0.06 * side, -0.42), (0.06 * side, 0.7), (side, 0.5 + 0.1 * (side > 0)))
        for side in (-1, 1)
    ]


def house() -> Polygons:
    """Return a house: roof and walls."""
    roof = polygon((0, -0.95), (1, -0.1), (-1, -0.1))
    return [roof, polygon((-0.7, 0.0), (0.7, 0.0), (0.7, 0.85), (-0.7, 0.85))]


def olive() -> Polygons:
    """Return a twig with six leaves."""
    twig = ribbon(np.linspace((0, 1), (0, -0.6), 5), 0.08)
    turn = np.array([[0.5, -0.87], [0.87, 0.5]])
    blade = leaf(length=0.36, width=0.14) @ turn
    leaves = [blade * (side, 1) + (0.36 * side, y) for side in (-1, 1) for y in (-0.6, -0.1, 0.4)]
    return [twig, *leaves]


MOTIFS: dict[str, Callable[[], Polygons]] = {
    "flame": flame,
    "drop": lambda: [teardrop()],
    "wave": wave,
    "tree": tree,
    "leaf": lambda: [leaf()],
    "mountain": lambda: [polygon((-1, 0.7), (-0.25, -0.7), (0.15, -0.05), (0.4, -0.4), (1, 0.7))],
    "sun": sun,
    "moon": moon,
    "star": lambda: [ray_star(5, 0.42)],
    "flower": flower,
    "snowflake": snowflake,
    "rain": rain,
    "heart": heart,
    "coin": coin,
    "hill": hill,
    "bird": bird,
    "swirl": lambda: [spiral(1.6, 0.18)],
    "scale": lambda: [circle(x, y, 0.42, 20) for x, y in ((-0.45, -0.35), (0.45, -0.35), (0.0, 0.3))],
    "horseshoe": lambda: [ribbon(np.roll(circle(radius=0.8, count=40), 10, axis=0)[4:37], 0.32)],
    "book": book,
    "fruit": lambda: [
        circle(-0.28, 0.2, 0.6),
        circle(0.28, 0.2, 0.6),
        ribbon(np.linspace((0, -0.3), (0.2, -1), 5), 0.14),
    ],
    "stone": lambda: [polygon((-0.9, 0.2), (-0.5, -0.6), (0.2, -0.75), (0.85, -0.2), (0.7, 0.6), (-0.6, 0.65))],
    "house": house,
    "olive": olive,
    "dot": lambda: [circle(radius=0.6)],
}
