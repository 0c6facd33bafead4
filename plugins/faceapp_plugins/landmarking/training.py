"""Training of both networks on rendered crops: seeded, resumed from a checkpoint, stopped at any time without loss.

The rate stays constant, and the last part of the planned samples lets it fall to nothing. A checkpoint from before the
fall is kept, so that a longer plan goes on from there and no step is lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from faceapp.core.arrays import IntArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.landmarks.scheme import load_scheme
from faceapp_plugins.landmarking.crops import Shard, decode, face_box, read_shard, shards_in
from faceapp_plugins.landmarking.network import (
    FINDER_PX,
    FINDER_STRIDE,
    INPUT_BOXES,
    INPUT_PX,
    FinderNetwork,
    LandmarkNetwork,
)
from faceapp_plugins.landmarking.spoiling import framed, scene_patch, spoiled

Rng = np.random.Generator
Report = Callable[[float, str], None]
_SAVE_EVERY_S = 120.0
_LOOK_FOR_SHARDS_EVERY = 200
_HIDDEN_WEIGHT = 0.5
_AVERAGE = 0.999


@dataclass(frozen=True)
class Plan:
    """How long and how to train.

    Parameters
    ----------
    crops : Path
        Folder of shards; new ones are taken in as they come.
    run : Path
        Folder of the checkpoints.
    samples : int
        In all, those of an earlier run included.
    fall : float
        Share of the samples during which the rate falls.
    batch : int
        Samples a step.
    rate : float
        Of AdamW.
    seed : int
        Of samples and their spoiling.
    network : {"landmarks", "finder"}
        Which.
    low_precision : bool
        bfloat16, where the processor has it.
    threads : int
        Of torch.
    """

    crops: Path
    run: Path
    samples: int
    fall: float = 0.25
    batch: int = 64
    rate: float = 2e-3
    seed: int = 0
    network: str = "landmarks"
    low_precision: bool = True
    threads: int = 1


class Crops:
    """All crops of a folder; shards that are finished later are taken in by `look`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shards: list[Shard] = []
        self._known: set[Path] = set()
        self.look()
        if not self.shards:
            raise DataError(f"{folder} holds no crops; render some first (--pictures 30000)")

    def look(self) -> None:
        """Take new shards in."""
        for file in shards_in(self._folder):
            if file not in self._known:
                self.shards.append(read_shard(file))
                self._known.add(file)

    @property
    def count(self) -> int:
        """How many crops."""
        return sum(len(s.jpegs) for s in self.shards)

    def landmark_batch(self, size: int, rng: Rng, mirror: IntArray) -> tuple[Tensor, ...]:
        """Return pictures (B, 3, 112, 112), places (B, 106, 2), seen (B, 106) and scales (B,) in widths of the crop."""
        pictures = np.empty((size, INPUT_PX, INPUT_PX, 3), np.uint8)
        places = np.empty((size, 106, 2), np.float32)
        seen, scales = np.empty((size, 106), np.float32), np.empty(size, np.float32)
        for b in range(size):
            shard = self.shards[int(rng.integers(len(self.shards)))]
            k = int(rng.integers(len(shard.jpegs)))
            picture, points, scale, flip = framed(shard.image(k), shard.points[k], rng, INPUT_PX, INPUT_BOXES, mirror)
            pictures[b] = spoiled(picture, rng)
            places[b] = (points + 0.5) / INPUT_PX - 0.5
            visible = shard.visible[k]
            seen[b] = visible[mirror] if flip else visible
            scales[b] = shard.scale[k] * scale / INPUT_PX
        return _pictures(pictures), torch.from_numpy(places), torch.from_numpy(seen), torch.from_numpy(scales)

    def some_pictures(self, batches: int, seed: int, size: int = 16) -> Iterator[UInt8Array]:
        """Give batches (size, 112, 112, 3) of pictures as a training sees them."""
        rng, mirror = np.random.default_rng([seed, batches]), np.asarray(load_scheme().mirror)
        for _ in range(batches):
            pictures = self.landmark_batch(size, rng, mirror)[0]
            yield np.rint((pictures.permute(0, 2, 3, 1).numpy() + 1) * 127.5).astype(np.uint8)

    def finder_batch(self, size: int, rng: Rng) -> tuple[Tensor, Tensor]:
        """Return pictures (B, 3, 128, 128) and faces (B, 4, 3): middle and side in pixels, NaN where there is none."""
        pictures = np.empty((size, FINDER_PX, FINDER_PX, 3), np.uint8)
        faces = np.full((size, 4, 3), np.nan, np.float32)
        for b in range(size):
            if rng.random() < 0.15:
                half = FINDER_PX // 2
                for q in range(4):
                    part, face = self._scene(rng, half)
                    face = face if ((face[:2] > 0) & (face[:2] < half)).all() else face * np.nan
                    row, column = half * (q // 2), half * (q % 2)
                    pictures[b, row : row + half, column : column + half] = part
                    faces[b, q] = face + np.array([column, row, 0])
            else:
                pictures[b], faces[b, 0] = self._scene(rng, FINDER_PX)
            pictures[b] = spoiled(pictures[b], rng)
        return _pictures(pictures), torch.from_numpy(faces)

    def _scene(self, rng: Rng, size: int) -> tuple[np.ndarray, np.ndarray]:
        shard = self.shards[int(rng.integers(len(self.shards)))]
        if rng.random() < 0.3:
            k = int(rng.integers(len(shard.jpegs)))
            return scene_patch(shard.image(k), np.array(face_box(shard.points[k]), np.float32), rng, size)
        k = int(rng.integers(len(shard.scene_jpegs)))
        return scene_patch(decode(shard.scene_jpegs[k]), shard.boxes[k], rng, size)


def _pictures(pictures: np.ndarray) -> Tensor:
    scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
    return scaled.contiguous(memory_format=torch.channels_last)


def landmark_loss(outputs: tuple[Tensor, Tensor, Tensor], wanted: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Return the loss and the mean distance in per cent of the outer eye distance in space."""
    places, log_sigma, logits = outputs
    truth, seen, scales = wanted
    off = (places - truth) / scales[:, None, None]
    weight = _HIDDEN_WEIGHT + (1 - _HIDDEN_WEIGHT) * seen
    inside = (truth.abs() < 0.52).all(2)
    weight = weight * inside
    per_point = functional.smooth_l1_loss(100 * off, torch.zeros_like(off), beta=1.0, reduction="none").sum(2)
    squared = (places - truth).detach().square().sum(2)
    sigma = torch.clamp(log_sigma, -7.5, 0.0)
    spread = 2 * sigma + 0.5 * squared * torch.exp(-2 * sigma)
    visible = functional.binary_cross_entropy_with_logits(logits, seen, reduction="none")
    total = (weight * per_point).sum() / weight.sum() + 0.3 * (spread * inside).mean() + 0.5 * visible.mean()
    return total, 100 * (off.detach().square().sum(2).sqrt() * inside).sum() / inside.sum()


def finder_loss(outputs: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss and the share of faces whose strongest cell is the right one."""
    size = outputs.shape[2]
    wanted = torch.zeros(outputs.shape[0], size, size)
    box = torch.zeros(())
    found: list[float] = []
    grid = (torch.arange(size) + 0.5) * FINDER_STRIDE - 0.5
    for b, k in (torch.isfinite(faces[:, :, 0]) & (faces[:, :, 2] > 10) & (faces[:, :, 2] < 150)).nonzero().tolist():
        u, v, side = faces[b, k].tolist()
        column, row = int((u + 0.5) // FINDER_STRIDE), int((v + 0.5) // FINDER_STRIDE)
        if not (0 <= column < size and 0 <= row < size):
            continue
        sigma = max(0.12 * side, 4.0)
        bump = torch.exp(-0.5 * ((grid[None] - u) ** 2 + (grid[:, None] - v) ** 2) / sigma**2)
        bump[row, column] = 1.0
        wanted[b] = torch.maximum(wanted[b], bump)
        said = outputs[b, :, row, column]
        place = torch.tensor([u - grid[column], v - grid[row]]) / FINDER_STRIDE
        size_off = said[3] - math.log(side / FINDER_STRIDE)
        box = (
            box
            + functional.smooth_l1_loss(said[1:3], place, beta=0.2)
            + functional.smooth_l1_loss(size_off, torch.zeros(()), beta=0.1)
        )
        strongest = int(outputs[b, 0].argmax())
        found.append(float(abs(strongest // size - row) <= 1 and abs(strongest % size - column) <= 1))
    logits = outputs[:, 0]
    share = torch.sigmoid(logits)
    # Penalty-reduced focal loss of CornerNet (Law and Deng 2018).
    near = (1 - wanted) ** 4 * share**2 * functional.softplus(logits)
    at = (wanted == 1).float() * (1 - share) ** 2 * functional.softplus(-logits)
    return (near.sum() + at.sum() + box) / len(outputs), torch.tensor(100 * (1 - float(np.mean(found or [1.0]))))


class Trainer:
    """A network, its averaged copy, its optimizer and how far it is."""

    def __init__(self, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan = plan
        self.model: nn.Module = LandmarkNetwork() if plan.network == "landmarks" else FinderNetwork()
        self.model = self.model.to(memory_format=torch.channels_last)
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=plan.rate, weight_decay=1e-4)
        self.samples = 0
        self.errors: list[tuple[int, float]] = []

    @property
    def fall_from(self) -> int:
        """Samples after which the rate falls."""
        return int(self.plan.samples * (1 - self.plan.fall))

    @property
    def checkpoint(self) -> Path:
        """The newest state."""
        return self.plan.run / f"{self.plan.network}.pt"

    @property
    def plateau(self) -> Path:
        """The state before the rate fell."""
        return self.plan.run / f"{self.plan.network}-plateau.pt"

    def rate(self) -> float:
        """Return the rate at this number of samples: a short rise, constant, a fall by a cosine."""
        if self.samples < 6400:
            return self.plan.rate * (self.samples + self.plan.batch) / 6400
        if self.samples < self.fall_from:
            return self.plan.rate
        done = (self.samples - self.fall_from) / max(self.plan.samples - self.fall_from, 1)
        return self.plan.rate * (0.5 + 0.5 * math.cos(math.pi * min(done, 1.0)))

    def step(self, batch: tuple[Tensor, ...]) -> float:
        """Take one step and return the error."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.plan.low_precision):
            outputs = self.model(batch[0])
        if self.plan.network == "landmarks":
            loss, error = landmark_loss(tuple(o.float() for o in outputs), batch[1:])
        else:
            loss, error = finder_loss(outputs, batch[1])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.samples += len(batch[0])
        keep = min(_AVERAGE, (1 + self.samples / self.plan.batch) / (10 + self.samples / self.plan.batch))
        for name, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1 - keep)
            else:
                self.average[name].copy_(value)
        return float(error)

    def save(self, file: Path) -> None:
        """Write the state whole."""
        self.plan.run.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {
            "model": self.model.state_dict(), "average": self.average, "optimizer": self.optimizer.state_dict(),
            "samples": self.samples, "errors": self.errors, "fall_from": self.fall_from_steps(),
        }  # fmt: skip
        part = file.with_suffix(".part")
        torch.save(state, part)
        part.replace(file)

    def resume(self) -> bool:
        """Go on from a checkpoint: the newest one before the planned fall, or within it where the plan is the same."""
        for file in (self.checkpoint, self.plateau):
            if not file.is_file():
                continue
            state = torch.load(file, weights_only=True)
            constant_until, planned = state.get("fall_from", state["samples"]), self.fall_from_steps()
            if constant_until != planned and state["samples"] > min(constant_until, planned):
                continue
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.average, self.samples = state["average"], int(state["samples"])
            self.errors = [(int(n), float(e)) for n, e in state["errors"]]
            return True
        return False

    def fall_from_steps(self) -> int:
        """Return `fall_from` rounded up to whole steps."""
        return -(-self.fall_from // self.plan.batch) * self.plan.batch


def train(plan: Plan, report: Report) -> Trainer:
    """Train until the planned samples are seen; an interrupt leaves the checkpoint behind.

    Parameters
    ----------
    report : callable
        Takes the share done and a line; may raise to stop.
    """
    trainer = Trainer(plan)
    trainer.resume()
    crops, mirror = Crops(plan.crops), np.asarray(load_scheme().mirror)
    started, saved, first = time.monotonic(), time.monotonic(), trainer.samples
    recent: list[float] = []
    try:
        while trainer.samples < plan.samples:
            if trainer.samples == trainer.fall_from_steps():
                trainer.save(trainer.plateau)
            number = trainer.samples // plan.batch
            rng = np.random.default_rng([plan.seed, number])
            if plan.network == "landmarks":
                batch = crops.landmark_batch(plan.batch, rng, mirror)
            else:
                batch = crops.finder_batch(plan.batch, rng)
            recent.append(trainer.step(batch))
            if (number + 1) % _LOOK_FOR_SHARDS_EVERY == 0:
                crops.look()
                trainer.errors.append((trainer.samples, float(np.mean(recent))))
                speed = (trainer.samples - first) / (time.monotonic() - started)
                text = f"{trainer.samples} samples of {crops.count} crops, error {np.mean(recent):.2f} %, {speed:.0f}/s"
                report(trainer.samples / plan.samples, text)
                recent.clear()
            if time.monotonic() - saved > _SAVE_EVERY_S:
                trainer.save(trainer.checkpoint)
                saved = time.monotonic()
    finally:
        trainer.save(trainer.checkpoint)
    return trainer
