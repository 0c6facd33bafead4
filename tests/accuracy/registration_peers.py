"""Runs trimesh's non-rigid registrations in an environment of their own: ``registration_peers.py IN.npz OUT.npz``."""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import trimesh
from trimesh.registration import nricp_amberg, nricp_sumner

# Stiffness, landmark weight, normal weight, rounds; gentler at the end than the defaults, which leave folds.
TUNED_AMBERG = [[0.05, 5, 0.5, 10], [0.02, 2, 0.5, 10], [0.005, 0.5, 0.5, 10], [0.002, 0.2, 0.5, 10]]


def main() -> None:
    """Register one template onto one scan with each method."""
    data = np.load(sys.argv[1])
    source = trimesh.Trimesh(data["template"], data["faces"], process=False)
    target = trimesh.Trimesh(data["scan"], data["scan_faces"], process=False)
    corners, weights, points = data["corners"], data["weights"], data["points"]
    faces = source.faces.tolist()
    row = {tuple(sorted(f)): i for i, f in enumerate(faces)}
    landmarks, used = [], []
    for i, corner in enumerate(corners):
        face = row.get(tuple(sorted(corner)))
        if face is None:
            continue
        order = [list(corner).index(v) for v in faces[face]]
        landmarks.append((face, *weights[i][order]))
        used.append(i)
    marks = (np.array([m[0] for m in landmarks]), np.array([m[1:] for m in landmarks]))
    runs = {
        "sumner, defaults": lambda: nricp_sumner(
            source, target, source_landmarks=marks, target_positions=points[used], use_faces=True
        ),
        "amberg, defaults": lambda: nricp_amberg(
            source, target, source_landmarks=marks, target_positions=points[used], use_faces=True
        ),
        "amberg, tuned": lambda: nricp_amberg(
            source, target, source_landmarks=marks, target_positions=points[used], use_faces=True, steps=TUNED_AMBERG
        ),
    }
    results: dict[str, np.ndarray] = {}
    for name, run in runs.items():
        start, processor = time.perf_counter(), time.process_time()
        results[f"{name} vertices"] = np.asarray(run())
        results[f"{name} seconds"] = np.array([time.perf_counter() - start, time.process_time() - processor])
        results[f"{name} peak"] = np.array(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    np.savez(sys.argv[2], **results)


if __name__ == "__main__":
    main()
