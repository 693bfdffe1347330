"""Scripts for the development of the workspace; no package imports them."""
