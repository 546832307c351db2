"""Numbers that tell what is in pictures, for models that cannot look at pixels. Nothing is fitted; each picture is for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from partita.flow.task import task

__all__ = ["gradient_features", "texture_features"]

Array = NDArray[np.float64]

#: So many pictures are worked on at once.
_AT_ONCE = 500
#: No direction counts for more than this in its block (Lowe, 2004).
_MOST_OF_A_BLOCK = 0.2
#: Blocks in which next to nothing changes are not blown up: so much of the picture's mean change is added to their length.
_FLOOR_OF_A_BLOCK = 0.1
#: What is added to an answer before its logarithm, of pictures whose spread is 1.
_FLOOR_OF_A_TEXTURE = 0.02
_SMALLEST = 1e-12


@task(tags=("picture", "image", "features"))
def gradient_features(
    pictures: Any, *, cell: int = 7, bins: int = 9, block: int = 2, signed: bool = True
) -> NDArray[np.float32]:
    """Tell which way brightness changes in each part of pictures: histograms of oriented gradients (Dalal and Triggs, 2005).

    Args:
        pictures: (pictures, height, width) or (pictures, height, width, channels); of channels, the one that changes most counts.
        cell: side of the squares that have a histogram each, in pixels; what is left at the lower and right edge is not used.
        bins: directions that are told apart; a gradient is shared out between the two nearest ones.
        block: side of the squares of cells that are brought to one length, in cells; they overlap.
        signed: whether from dark to bright is another direction than from bright to dark.

    Returns:
        (pictures, blocks * block * block * bins).

    Raises:
        ValueError: the shape is none of pictures, or they are smaller than a block.
    """
    if cell < 1 or bins < 2 or block < 1:
        raise ValueError(f"cell={cell}, bins={bins} and block={block} are to be at least 1, 2 and 1")
    stack = _stack(pictures)
    if min(stack.shape[1:3]) < max(cell * block, 2):
        raise ValueError(
            f"a block has {cell * block} x {cell * block} pixels, and pictures are {stack.shape[1]} x {stack.shape[2]}"
        )
    return _by_parts(stack, lambda part: _gradients(part, cell, bins, block, signed))


def _gradients(pictures: Array, cell: int, bins: int, block: int, signed: bool) -> Array:
    down, right = np.gradient(pictures, axis=(1, 2))
    strength = np.hypot(down, right)
    strongest = np.argmax(strength, axis=3)[..., None]
    down, right, strength = (np.take_along_axis(each, strongest, axis=3)[..., 0] for each in (down, right, strength))
    circle = 2 * np.pi if signed else np.pi
    place = np.mod(np.arctan2(down, right), circle) / circle * bins
    low = np.floor(place).astype(np.int64)
    share = place - low
    count, rows, columns = len(pictures), pictures.shape[1] // cell, pictures.shape[2] // cell
    cells = np.empty((count, rows, columns, bins))
    for number in range(bins):
        own = strength * ((low % bins == number) * (1 - share) + ((low + 1) % bins == number) * share)
        own = own[:, : rows * cell, : columns * cell].reshape(count, rows, cell, columns, cell)
        cells[..., number] = own.sum(axis=(2, 4))
    floor = _FLOOR_OF_A_BLOCK * cell**2 * strength.mean(axis=(1, 2))[:, None] + _SMALLEST
    found = []
    for row in range(rows - block + 1):
        for column in range(columns - block + 1):
            own = cells[:, row : row + block, column : column + block].reshape(count, block**2 * bins)
            own = np.minimum(own / np.sqrt((own**2).sum(axis=1, keepdims=True) + floor**2), _MOST_OF_A_BLOCK)
            found.append(own / (np.linalg.norm(own, axis=1, keepdims=True) + _SMALLEST))
    return np.concatenate(found, axis=1)


@task(tags=("picture", "image", "features", "texture"))
def texture_features(
    pictures: Any, *, wavelengths: Sequence[float] = (3, 5, 8), directions: int = 6, grid: int = 4
) -> NDArray[np.float32]:
    """Tell how fine and how directed the texture in each part of pictures is, by Gabor filters, whatever their brightness.

    Each picture is brought to mean 0 and spread 1. A filter answers to waves of one length and direction; its answers' mean is
    taken over each part of a grid, as a logarithm.

    Args:
        pictures: (pictures, height, width) or (pictures, height, width, channels); channels are averaged.
        wavelengths: of the filters, in pixels, at least 2.
        directions: of the filters for each length, over half a circle.
        grid: parts across, and down.

    Returns:
        (pictures, wavelengths * directions * grid * grid).

    Raises:
        ValueError: the shape is none of pictures, a wave is shorter than 2 pixels, or the grid is finer than the pictures.
    """
    if not wavelengths or min(wavelengths) < 2:
        raise ValueError(f"wavelengths={tuple(wavelengths)} are to be of 2 pixels or more, and at least one")
    if directions < 1:
        raise ValueError(f"directions={directions} is to be 1 or more")
    stack = _stack(pictures)
    if not 1 <= grid <= min(stack.shape[1:3]):
        raise ValueError(f"grid={grid} is to be 1 to {min(stack.shape[1:3])} for pictures of this size")
    return _by_parts(stack, lambda part: _textures(part, wavelengths, directions, grid))


def _textures(pictures: Array, wavelengths: Sequence[float], directions: int, grid: int) -> Array:
    grey = pictures.mean(axis=3)
    grey = grey - grey.mean(axis=(1, 2), keepdims=True)
    spread = grey.std(axis=(1, 2), keepdims=True)
    grey = grey / np.where(spread > 1e-6, spread, 1.0)
    count, height, width = grey.shape
    edges = [np.linspace(0, side, grid + 1).round().astype(np.int64) for side in (height, width)]
    found = []
    for wavelength in wavelengths:
        reach = int(1.25 * wavelength) + 1  # two and a half times the width of the bell, which is half a wave
        around = np.pad(grey, ((0, 0), (reach, reach), (reach, reach)), mode="symmetric").astype(np.float32)
        # What comes round from the other side lies in the first rows and columns, which are not looked at.
        shape = [fft.next_fast_len(side + 2 * reach) for side in (height, width)]
        known = fft.fft2(around, s=shape)
        for number in range(directions):
            filtering = fft.fft2(_filter(wavelength, np.pi * number / directions, reach), s=shape).astype(np.complex64)
            answer = fft.ifft2(known * filtering)
            size = np.abs(answer[:, 2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width])
            summed = np.add.reduceat(np.add.reduceat(size, edges[0][:-1], axis=1), edges[1][:-1], axis=2)
            means = summed / (np.diff(edges[0])[:, None] * np.diff(edges[1]))
            found.append(np.log(means + _FLOOR_OF_A_TEXTURE).reshape(count, grid**2))
    return np.concatenate(found, axis=1)


def _filter(wavelength: float, angle: float, reach: int) -> NDArray[np.complex128]:
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = right * np.cos(angle) + down * np.sin(angle)
    width = wavelength / 2
    wave = np.exp(-(right**2 + down**2) / (2 * width**2)) * np.exp(2j * np.pi * along / wavelength)
    wave = wave - wave.mean()  # nothing is answered where nothing changes
    return np.asarray(wave / np.abs(wave).sum())


def _stack(pictures: Any) -> NDArray[Any]:
    """(pictures, height, width, channels)."""
    stack = np.asarray(pictures)
    if stack.ndim not in (3, 4) or 0 in stack.shape[1:]:
        raise ValueError(
            f"pictures are (pictures, height, width) or with channels behind, and have the shape {stack.shape}"
        )
    return stack[..., None] if stack.ndim == 3 else stack


def _by_parts(stack: NDArray[Any], told: Callable[[Array], Array]) -> NDArray[np.float32]:
    parts = [stack[start : start + _AT_ONCE] for start in range(0, max(len(stack), 1), _AT_ONCE)]
    return np.concatenate([told(np.asarray(part, dtype=np.float64)).astype(np.float32) for part in parts])
