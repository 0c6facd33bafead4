"""The errors that people see: each says what happened, to which thing, and what to do."""

from __future__ import annotations


class FaceappError(Exception):
    """A failure with a sentence for the person at the screen.

    Attributes
    ----------
    exit_status : int
        What the command line returns: 1 failed, 2 wrong usage, 3 a device, 4 a plugin, 130 stopped.
    """

    exit_status = 1


class UsageError(FaceappError):
    """The request itself is wrong: a bad option, an unknown subject, an impossible value."""

    exit_status = 2


class DataError(FaceappError):
    """A file or a value that was handed in cannot be used. The message names the file or the field."""


class BundleError(DataError):
    """A capture bundle breaks its contract (missing frame, wrong size, bad field)."""


class SequenceError(DataError):
    """A fringe sequence cannot be decoded, for instance because nothing unwraps its frequencies."""


class DecodeError(DataError):
    """Frames that are whole but give no usable phase or points."""


class ProjectError(DataError):
    """A project folder is missing, damaged, newer than this program, or held by another window."""


class DeviceError(FaceappError):
    """A camera, a projector or its line does not do what it was told."""

    exit_status = 3


class FrameLost(DeviceError):
    """A camera delivered fewer, more or other frames than the projector showed."""


class PluginError(FaceappError):
    """A plugin raised, crashed, or was given parameters that it refuses."""

    exit_status = 4


class Cancelled(FaceappError):
    """A person stopped the work. Nothing half-written is left."""

    exit_status = 130
