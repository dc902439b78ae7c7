"""Toy faces: procedural portraits with CelebA's attribute names, dials for bias, noise and difficulty, and masks.

The quick tier's data set: made in seconds, no download, no licence. Attributes such as "Male" are labels of drawings.
"""

from fairnb.data.toys.faces.attributes import ATTRIBUTES, REGIONS, SKIN_TONES
from fairnb.data.toys.faces.describe import caption, contact_sheet
from fairnb.data.toys.faces.faces import VERSION, Faces, sample
from fairnb.data.toys.faces.styles import STYLES

__all__ = ["ATTRIBUTES", "REGIONS", "SKIN_TONES", "STYLES", "VERSION", "Faces", "caption", "contact_sheet", "sample"]
