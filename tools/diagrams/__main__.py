"""The command `python -m tools.diagrams`, which draws all diagrams."""

from tools.diagrams.gallery import FOLDER, PICTURES

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        file = FOLDER / f"{name}.svg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(draw().svg(), "utf-8")
