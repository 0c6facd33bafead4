"""The two networks: 106 points in a crop, and faces in a small picture. Plain convolutions, torch, training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUT_PX = 112
INPUT_BOXES = 1.25
"""The landmark network sees a square this many times as wide as the face's box."""
FINDER_PX = 128
FINDER_STRIDE = 8
_REACH = 1.1
"""An expectation over a map never reaches its border; a little stretch does."""
POINTS = 106


class _Conv(nn.Sequential):  # type: ignore[misc]
    def __init__(self, inputs: int, outputs: int, stride: int = 1, size: int = 3) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class _Block(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(width, width), _Conv(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


def _up(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class LandmarkNetwork(nn.Module):  # type: ignore[misc]
    """Heat maps read by their expectation, with the spread of each point and whether it is seen.

    Notes
    -----
    Integral regression (Sun et al. 2018) on maps of 28 x 28; the uncertainty as in Kendall and Gal (2017).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, 16, 2)
        self.at28 = nn.Sequential(_Conv(16, 32, 2), _Block(32))
        self.at14 = nn.Sequential(_Conv(32, 64, 2), _Block(64), _Block(64))
        self.at7 = nn.Sequential(_Conv(64, 128, 2), _Block(128), _Block(128))
        self.down14, self.join14 = _Conv(128, 64, size=1), _Conv(64, 64)
        self.down28, self.skip28, self.join28 = _Conv(64, 48, size=1), _Conv(32, 48, size=1), _Conv(48, 64)
        self.maps = nn.Conv2d(64, POINTS, 1)
        self.spread, self.seen = nn.Linear(128, POINTS), nn.Linear(128, POINTS)
        places = ((torch.arange(28) + 0.5) / 28 - 0.5) * _REACH
        self.register_buffer("places", places, persistent=False)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return places (B, 106, 2), logarithms of sigma (B, 106), logits of being seen (B, 106).

        Places run from -0.5 to 0.5 over the crop, right and down; sigma is of each coordinate, in widths of the crop.
        """
        half = self.at28(self.stem(crops))
        quarter = self.at14(half)
        deep = self.at7(quarter)
        quarter = self.join14(_up(self.down14(deep)) + quarter)
        half = self.join28(_up(self.down28(quarter)) + self.skip28(half))
        weights = torch.softmax(self.maps(half).flatten(2).float(), dim=2).view(-1, POINTS, 28, 28)
        columns, rows = weights.sum(2), weights.sum(3)
        x, y = (columns * self.places).sum(2), (rows * self.places).sum(2)
        spread = (columns * self.places**2).sum(2) - x**2 + (rows * self.places**2).sum(2) - y**2
        pooled = deep.mean((2, 3)).float()
        log_sigma = self.spread(pooled) + 0.5 * torch.log(spread.clamp_min(1e-8)) - 1.5
        return torch.stack([x, y], dim=2), log_sigma, self.seen(pooled)


class FinderNetwork(nn.Module):  # type: ignore[misc]
    """A map of where faces are, with their place and size."""

    def __init__(self) -> None:
        super().__init__()
        self.at16 = nn.Sequential(_Conv(3, 12, 2), _Conv(12, 24, 2), _Conv(24, 40, 2), _Block(40))
        self.at8 = nn.Sequential(_Conv(40, 64, 2), _Block(64))
        self.at4 = nn.Sequential(_Conv(64, 64, 2), _Block(64))
        self.join = _Conv(64, 40, size=1)
        self.head = nn.Sequential(_Conv(40, 40), nn.Conv2d(40, 4, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (B, 4, 16, 16): logit of a face's middle, its place in the cell (2), log of its side in cells."""
        fine = self.at16(pictures)
        coarse = self.at8(fine)
        coarse = coarse + _up(self.at4(coarse))
        return self.head(fine + _up(self.join(coarse))).float()
