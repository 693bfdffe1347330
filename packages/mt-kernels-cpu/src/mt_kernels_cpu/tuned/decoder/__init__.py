"""The next token of a decoder-only transformer: all layers in one kernel."""
