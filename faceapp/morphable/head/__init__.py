"""A parametric quad head made by code: template of registrations, subject of the simulated rig."""

from faceapp.morphable.head.head import Head, HeadModel, load_head
from faceapp.morphable.head.parameters import HeadParameters, random_parameters
from faceapp.morphable.head.template import head_template

__all__ = ["Head", "HeadModel", "HeadParameters", "head_template", "load_head", "random_parameters"]
