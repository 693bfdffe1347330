"""The diagrams of the documents as SVG: `hatch run draw`."""
