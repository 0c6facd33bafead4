"""The values of the look: colours of both themes, sizes, colours of the marks on pictures. No Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """Colours of one theme as ``#RRGGBB``; contrasts are given in the design's table."""

    name: str
    canvas: str
    window: str
    panel: str
    raised: str
    hover: str
    press: str
    line: str
    edge: str
    text: str
    text2: str
    text3: str
    accent: str
    fill: str
    fill_hover: str
    on_fill: str
    selection: str
    focus: str
    green: str
    green_tint: str
    amber: str
    amber_tint: str
    red: str
    red_tint: str
    red_tint_hover: str
    info_tint: str
    field: str
    view_top: str
    view_bottom: str
    plate: str = "#0E0F11"
    plate_text: str = "#FFFFFF"
    no_data: str = "#7A7E86"

    @property
    def dark(self) -> bool:
        """Whether text is lighter than its ground."""
        return self.name == "dark"


DARK = Tokens(
    name="dark",
    canvas="#0E0F11",
    window="#17181B",
    panel="#1E2023",
    raised="#2B2E33",
    hover="#363A40",
    press="#24272B",
    line="#303338",
    edge="#737A85",
    text="#E9EBEE",
    text2="#B0B6BF",
    text3="#949BA6",
    accent="#6EA8FF",
    fill="#2D69D6",
    fill_hover="#3470DE",
    on_fill="#FFFFFF",
    selection="#24385A",
    focus="#8DBBFF",
    green="#4CC38A",
    green_tint="#1E3A2E",
    amber="#E8B04A",
    amber_tint="#40331C",
    red="#FF8073",
    red_tint="#472722",
    red_tint_hover="#5A3630",
    info_tint="#22334F",
    field="#2B2E33",
    view_top="#26292D",
    view_bottom="#0E0F11",
)

LIGHT = Tokens(
    name="light",
    canvas="#E4E6E9",
    window="#F1F2F4",
    panel="#FFFFFF",
    raised="#EBEDF0",
    hover="#DFE2E6",
    press="#D3D7DC",
    line="#DADDE2",
    edge="#7D848E",
    text="#1A1D21",
    text2="#4A515B",
    text3="#616873",
    accent="#1D5FCC",
    fill="#1F62D0",
    fill_hover="#1955B8",
    on_fill="#FFFFFF",
    selection="#DCE8FB",
    focus="#1D5FCC",
    green="#17734A",
    green_tint="#DFF3E8",
    amber="#855000",
    amber_tint="#FFEFCF",
    red="#BB2A22",
    red_tint="#FCE5E2",
    red_tint_hover="#F5D2CE",
    info_tint="#E0EBFB",
    field="#FFFFFF",
    view_top="#D5D9DE",
    view_bottom="#C3C9D0",
)


@dataclass(frozen=True)
class Sizes:
    """Lengths in logical pixels."""

    rail: int = 74
    rail_narrow: int = 48
    narrow_below: int = 1400
    top: int = 44
    bar: int = 44
    status: int = 28
    hint: int = 34
    control: int = 30
    verdict: int = 36
    margin: int = 12
    row: int = 28
    row_thumbnail: int = 44


@dataclass(frozen=True)
class Marks:
    """Landmarks on pictures: colours and screen pixels, the same in both themes.

    Diameters; every stroke has a halo of black ``halo_width`` wider on each side.
    """

    white: str = "#FFFFFF"
    active: str = "#3FE0FF"
    cursor: str = "#FFD84A"
    residual: str = "#FFB84D"
    other: str = "#F59BE6"
    axis_x: str = "#FF7A70"
    axis_y: str = "#5FD08F"
    axis_z: str = "#6EA8FF"
    curve_alpha: float = 0.62
    halo_alpha: float = 0.60
    stroke: float = 1.5
    halo_width: float = 1.1
    curve: float = 1.0
    curve_active: float = 1.6
    ring: float = 6.4
    ring_active: float = 9.0
    ring_hover: float = 16.0
    ring_cursor: float = 20.0
    tick: float = 6.0
    drag_threshold: int = 4


SIZES = Sizes()
MARKS = Marks()
