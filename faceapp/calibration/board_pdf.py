"""The board as a PDF: in true size, with a ruler to check the printer, and how to use it.

Source: PDF 1.4 reference, ISO 32000-1; the file holds one page, one font and filled rectangles, which needs no library.
"""

from __future__ import annotations

import zlib
from itertools import groupby

import numpy as np

from faceapp.calibration.target import CELLS, BoardTarget
from faceapp.core.errors import UsageError

PAPERS = {
    "A4": (210.0, 297.0),
    "A3": (297.0, 420.0),
    "A2": (420.0, 594.0),
    "letter": (215.9, 279.4),
    "tabloid": (279.4, 431.8),
}
"""Width and height, mm."""

_POINTS = 72 / 25.4
_MARGIN_MM, _BELOW_MM, _RULER_MM = 6.0, 16.0, 100.0


def board_pdf(target: BoardTarget, paper: str = "A4") -> bytes:
    """Return the PDF of a board.

    Parameters
    ----------
    target : BoardTarget
        What to print.
    paper : str
        One of `PAPERS`; turned where the board is wider than high.

    Returns
    -------
    bytes

    Raises
    ------
    UsageError
        The paper is unknown, or too small for the board.
    """
    sizes = {name.lower(): size for name, size in PAPERS.items()}
    if paper.lower() not in sizes:
        raise UsageError(f"paper {paper!r} is not known; there are {', '.join(PAPERS)}")
    short, long = sizes[paper.lower()]
    width, height = target.size_mm
    page = (long, short) if width > height else (short, long)
    if width > page[0] - 2 * _MARGIN_MM or height > page[1] - 2 * _MARGIN_MM - _BELOW_MM:
        fits = [n for n, (a, b) in PAPERS.items() if max(width, height) + 30 < b and min(width, height) + 30 < a]
        hint = f"take --paper {fits[0]}" if fits else "take smaller squares"
        raise UsageError(f"a board of {width:g} x {height:g} mm does not fit {paper}; {hint}")
    left = (page[0] - width) / 2
    bottom = _BELOW_MM + (page[1] - _BELOW_MM - height) / 2
    content = [_board(target, left, bottom), _ruler(left, 8.0), _words(target, left + _RULER_MM + 6, 11.0)]
    return _document(page, "\n".join(content))


def _board(target: BoardTarget, left: float, bottom: float) -> str:
    """Black runs of each row of cells, as rectangles; rows that are alike are drawn at once."""
    ink = ~target.bitmap()
    x, y = target.size_mm[0] / ink.shape[1], target.size_mm[1] / ink.shape[0]
    drawn, row = [], 0
    for _, same in groupby(ink, key=lambda cells: cells.tobytes()):
        rows = list(same)
        edges = np.flatnonzero(np.diff(np.r_[0, rows[0].astype(np.int8), 0]))
        top = bottom + target.size_mm[1] - row * y
        drawn += [
            _rectangle(left + a * x, top - len(rows) * y, (b - a) * x, len(rows) * y)
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]
        row += len(rows)
    assert row == target.rows * CELLS
    return "0 g\n" + "\n".join(drawn) + "\nf"


def _ruler(left: float, bottom: float) -> str:
    marks = [_rectangle(left, bottom, _RULER_MM, 0.2)]
    for step in range(int(_RULER_MM) + 1):
        tall = 4.0 if step % 10 == 0 else 2.5 if step % 5 == 0 else 1.5
        marks.append(_rectangle(left + step - 0.1, bottom, 0.2, tall))
    return "0 g\n" + "\n".join(marks) + "\nf\n" + _text(left, bottom - 3.2, f"0 to {_RULER_MM:g} mm", 7)


def _words(target: BoardTarget, left: float, bottom: float) -> str:
    width, height = target.size_mm
    lines = (
        f"{target.columns} x {target.rows} squares of {target.square_mm:g} mm. Print at 100 %, no scaling.",
        "Glue it flat onto glass or aluminium, matt, no film.",
        f"All squares: {width:g} mm across, {height:g} mm down. Measure both and give them with --measured.",
    )
    return "\n".join(_text(left, bottom - 3.2 * i, line, 6.5) for i, line in enumerate(lines))


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return " ".join(f"{v * _POINTS:.4f}" for v in (x, y, width, height)) + " re"


def _text(x: float, y: float, text: str, size: float) -> str:
    safe = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F {size:g} Tf {x * _POINTS:.3f} {y * _POINTS:.3f} Td ({safe}) Tj ET"


def _document(page_mm: tuple[float, float], content: str) -> bytes:
    stream = zlib.compress(content.encode("latin-1"))
    box = " ".join(f"{v * _POINTS:.4f}" for v in page_mm)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box}] /Contents 4 0 R "
            "/Resources << /Font << /F 5 0 R >> >> >>"
        ).encode(),
        f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode() + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    data, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(data)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    data += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    data += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return data
