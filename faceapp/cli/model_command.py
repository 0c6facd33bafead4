"""``faceapp model train landmarks --out DIR``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    train = acts.add_parser("train", help="learn weights on rendered pictures (needs the extra faceapp[learn])")
    train.add_argument("what", choices=("landmarks",), help="the network that finds faces and their 106 points")
    train.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder for pictures, checkpoints and weights; goes on from what is there",
    )
    train.add_argument("--pictures", type=int, default=30_000, help="to render first (default: 30000; 0: none)")
    train.add_argument("--samples", type=int, default=2_000_000, help="to train on in all (default: 2000000)")
    train.add_argument("--seed", type=int, default=1, help="of pictures and training (default: 1)")
    train.add_argument(
        "--ict", type=Path, metavar="FOLDER", help="of ict_face_light.npz: half of the people from there"
    )
    train.add_argument("--processes", type=int, default=1, help="that render at a time (default: 1)")
    train.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    add_json_option(train)


def run(options: argparse.Namespace, console: Console) -> int:
    """Train."""
    from faceapp.app.training import train_weights
    from faceapp.pipeline.training import TrainingOptions

    wanted = TrainingOptions(
        folder=options.out,
        pictures=options.pictures,
        samples=options.samples,
        seed=options.seed,
        ict=options.ict,
        processes=options.processes,
        threads=options.threads,
    )
    figures = train_weights(options.what, wanted, console.reporter)
    error = figures["error_percent"]
    told = "" if error is None else f"; {error:.2f} % of the eye distance off on unseen people"
    console.result(figures, f"trained on {figures['samples']} samples{told}")
    return 0
