"""The diagrams of the documents, drawn by code: `hatch run draw`."""
