# SPDX-License-Identifier: GPL-2.0
"""
Charts of grouped bars as SVG, without a library.

Knows nothing of what is measured: a chart is a title, the groups along the
axis, and for each series a value per group (None = no bar).
"""
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 40
COLOURS = ("#1b6ca8", "#e08e45", "#6a994e", "#9d4edd", "#8d99ae", "#bc4749")


def nice(value):
    """The next number whose quarters are round."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * step for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10) if power * step >= value)


def text(x, y, words, size=12, anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def axis(top, most):
    """Lines across the chart at quarters of the highest value."""
    parts = []
    for i in range(5):
        y = top + HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * i / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                     'stroke="#ddd"/>')
        parts.append(text(LEFT - 6, y + 4, f"{most * i / 4:g}", 10, "end"))
    return parts


def chart(top, title, groups, series):
    """series: {name: [value per group]}"""
    values = [value for row in series.values() for value in row if value is not None]
    most = nice(max(values, default=1))
    inner = HEIGHT - TOP - BOTTOM
    step = (WIDTH - LEFT - RIGHT) / max(len(groups), 1)
    bar = step * 0.8 / max(len(series), 1)
    parts = [text(LEFT, top + 22, title, 15), *axis(top, most)]
    for j, group in enumerate(groups):
        parts.append(text(LEFT + step * (j + 0.5), top + HEIGHT - BOTTOM + 16, group, 11, "middle"))
    for i, (name, row) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        y = top + TOP + 16 * i
        parts.append(f'<rect x="{WIDTH - RIGHT + 10}" y="{y}" width="10" height="10" '
                     f'fill="{colour}"/>')
        parts.append(text(WIDTH - RIGHT + 25, y + 9, name, 11))
        for j, value in enumerate(row):
            if value is not None:
                high = inner * value / most
                parts.append(
                    f'<rect x="{LEFT + step * j + step * 0.1 + bar * i:.1f}" '
                    f'y="{top + HEIGHT - BOTTOM - high:.1f}" width="{bar * 0.95:.1f}" '
                    f'height="{high:.1f}" fill="{colour}"><title>{escape(name)}, '
                    f'{escape(groups[j])}: {value:g}</title></rect>')
    return parts


def write(path, charts):
    """Charts below each other; each is (title, groups, series)."""
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
             f'height="{HEIGHT * len(charts)}" font-family="sans-serif">',
             '<rect width="100%" height="100%" fill="white"/>']
    for i, one in enumerate(charts):
        parts += chart(HEIGHT * i, *one)
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(parts + ["</svg>", ""]))
