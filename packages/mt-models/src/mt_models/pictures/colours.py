"""The project's colours: orange is for gradients and for "no", blue for kernels and for "yes"."""

INK = "#1f2933"
GREY = "#9aa5b1"
BLUE = "#2563a8"
ORANGE = "#d9822b"
