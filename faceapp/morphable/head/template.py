"""The registration template: the average skin with anchors, parts and stiffness."""

from __future__ import annotations

import numpy as np

from faceapp.core.mesh import Mesh
from faceapp.core.template import Template
from faceapp.morphable.head.cage import PART_NAMES
from faceapp.morphable.head.head import load_head

TEMPLATE_LEVEL = 2
TEMPLATE_NAME = "faceapp head"
STIFFNESS = {
    **dict.fromkeys(("eyes", "lid_insides", "lips", "mouth_interior"), 0.5),
    **dict.fromkeys(("nose", "nostrils", "brows", "chin", "philtrum"), 1.0),
    "cheeks": 1.5,
    **dict.fromkeys(("forehead", "temples", "jaw_underside", "scalp"), 2.0),
    **dict.fromkeys(("ears", "neck"), 3.0),
}
"""Relative stiffness of each part in a registration (Pixel-Face's lambda_p)."""
LICENCE = "BSD-3-Clause; partly measured on ICT-FaceKit (MIT)"


def head_template() -> Template:
    """Return the registration template: the average skin at level 2, its anchors, parts and stiffness.

    Notes
    -----
    The cavities of mouth and nostrils and the insides of the lids stay in the mesh, so that its vertex order is the
    head's; they are parts of their own and not in ``face``. Pupils and eye centres (74, 83, 104, 105) lie on the
    eyeball and have no anchor.
    """
    model = load_head(TEMPLATE_LEVEL)
    return Template(
        name=TEMPLATE_NAME,
        mesh=Mesh(model.mean.astype(np.float32), model.triangles, uv=model.uv),
        anchor_triangles=model.landmark_triangles,
        anchor_weights=model.landmark_weights,
        parts=model.parts,
        part_names=PART_NAMES,
        face=model.face_region,
        stiffness=dict(STIFFNESS),
        licence=LICENCE,
    )
