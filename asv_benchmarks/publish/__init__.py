"""Tables and pictures of the documents from measured speeds: `hatch run publish-speed`."""
