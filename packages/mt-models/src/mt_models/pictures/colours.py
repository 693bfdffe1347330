"""The project's colours: orange for gradients and "no", blue for kernels and "yes"."""

INK = "#1f2933"
GREY = "#9aa5b1"
BLUE = "#2563a8"
ORANGE = "#d9822b"
