"""One module for each page, with one function `render` that draws it."""
