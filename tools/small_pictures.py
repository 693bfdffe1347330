"""Measurement of the filter that enlarges small pictures: `python -m tools.small_pictures`.

The script shrinks test images of MNIST, reads them back with each filter, and prints the accuracy
of the network that the app contains (three minutes).
"""

import click
import numpy as np
import numpy.typing as npt
from PIL import Image

from mt_autodiff import no_grad
from mt_models.datasets import digit_images, load_mnist_split
from mt_models.problems import image_batch
from mt_models.recipes import DigitsRecipe, recipe_of
from mt_nn import load_checkpoint
from tools.pretrain import TARGET

SIDES = (28, 20, 16, 12, 10, 8)
FILTERS = ("BILINEAR", "BICUBIC", "LANCZOS")


def accuracy(images: list[npt.NDArray[np.uint8]], labels: npt.NDArray[np.uint8]) -> float:
    """Return the accuracy of the app's network."""
    checkpoint = load_checkpoint(TARGET / "digits.safetensors")
    recipe = recipe_of(checkpoint)
    assert isinstance(recipe, DigitsRecipe)
    backend = recipe.make_backend()
    network = recipe.build_network(backend)
    checkpoint.restore(network)
    network.eval()
    right = 0
    with no_grad():
        for start in range(0, len(images), 16):
            batch = np.stack(images[start : start + 16])
            answers = network(image_batch(batch, backend)).to_numpy().argmax(1)
            right += int((answers == labels[start : start + 16]).sum())
    return right / len(images)


def cut_first(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Read a picture, bright on dark, whose ink is cut before it is enlarged with two weights."""
    ink, rows, columns = digit_images._cut(picture.astype(np.float64))
    crop = Image.fromarray(ink[rows, columns].astype(np.uint8))
    scale = digit_images.BOX / max(crop.size)
    width, height = (max(1, round(n * scale)) for n in crop.size)
    kind = Image.Resampling.BILINEAR if scale > 1 else Image.Resampling.BOX
    return digit_images._centred(np.asarray(crop.resize((width, height), kind)))


@click.command()
@click.option("--count", default=10_000, show_default=True, help="The number of test images.")
def main(count: int) -> None:
    """Print a table: the side of the pictures, and the accuracy with each filter."""
    images, labels = load_mnist_split("test")
    names = ["ink cut out first, bilinear", *(name.lower() for name in FILTERS)]
    click.echo(f"| side | {' | '.join(names)} |\n| ---: |{' ---: |' * len(names)}")
    for side in SIDES:
        small = [
            np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))
            for image in images[:count]
        ]
        cells = [f"{accuracy([cut_first(picture) for picture in small], labels[:count]):.2%}"]
        for name in FILTERS:
            digit_images.FILTER = Image.Resampling[name]
            read = [digit_images.normalize_digit(picture) for picture in small]
            cells.append(f"{accuracy(read, labels[:count]):.2%}")
        click.echo(f"| {side} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
