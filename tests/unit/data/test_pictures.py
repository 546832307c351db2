"""Numbers that tell what is in pictures."""

from __future__ import annotations

import numpy as np
import pytest

from partita.data import gradient_features, texture_features

RANDOM = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.uint8)


def ramp(angle: float, side: int = 28) -> np.ndarray:
    """Brightness that grows in one direction; 0: to the right."""
    down, right = np.mgrid[:side, :side].astype(float)
    return right * np.cos(angle) + down * np.sin(angle)


def test_gradients_fall_into_the_bin_of_their_direction() -> None:
    turned = [ramp(2 * np.pi * number / 8) for number in range(8)]
    found = gradient_features(turned, cell=7, bins=8, block=1)
    assert found.shape == (8, 16 * 8) and found.dtype == np.float32
    for number in range(8):
        assert np.allclose(found[number].reshape(16, 8), np.eye(8)[number], atol=1e-5)
    unsigned = gradient_features([ramp(0.0), ramp(np.pi)], bins=8, signed=False)
    assert np.allclose(unsigned[0], unsigned[1])
    assert not np.allclose(*gradient_features([ramp(0.0), ramp(np.pi)], bins=8))


def test_a_gradient_between_two_directions_is_shared_out() -> None:
    found = gradient_features([ramp(2 * np.pi * 1.5 / 8)], bins=8, block=1)[0].reshape(16, 8)
    assert np.allclose(found[:, 1], found[:, 2]) and np.allclose(found[:, 3:], 0.0)


def test_brightness_contrast_and_other_pictures_change_nothing() -> None:
    for features in (gradient_features, texture_features):
        told = features(RANDOM)
        assert np.allclose(features(RANDOM * 0.5 + 90.0), told, atol=1e-5)
        assert np.allclose(features(RANDOM[2:3]), told[2:3], atol=1e-6)
        assert np.allclose(features(np.repeat(RANDOM[..., None], 3, axis=3)), told, atol=1e-5)
        assert np.isfinite(features(np.zeros((2, 28, 28)))).all()
        assert features(np.zeros((0, 28, 28))).shape == (0, told.shape[1])
        assert len(np.unique(told.round(3), axis=0)) == 4


def test_a_filter_answers_to_its_own_wave_and_place() -> None:
    down, right = np.mgrid[:32, :32]
    wave = np.sin(2 * np.pi * right / 8)
    found = texture_features([wave], wavelengths=(4, 8), directions=4, grid=1)[0].reshape(2, 4)
    assert np.unravel_index(found.argmax(), found.shape) == (1, 0)
    turned = texture_features([wave.T], wavelengths=(4, 8), directions=4, grid=1)[0].reshape(2, 4)
    assert np.unravel_index(turned.argmax(), turned.shape) == (1, 2)
    lower = texture_features([np.where(down >= 16, wave, 0.0)], wavelengths=(8,), directions=1, grid=2)[0].reshape(2, 2)
    assert lower[1].min() > lower[0].max() + 1


def test_pictures_need_not_be_square() -> None:
    assert gradient_features(np.zeros((2, 14, 30)), cell=7).shape == (2, 1 * 3 * 4 * 9)
    assert texture_features(np.zeros((2, 14, 30)), grid=3).shape == (2, 3 * 6 * 9)


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(ValueError, match=r"have the shape \(28, 28\)"):
        gradient_features(RANDOM[0])
    with pytest.raises(ValueError, match="a block has 32 x 32 pixels, and pictures are 28 x 28"):
        gradient_features(RANDOM, cell=16)
    with pytest.raises(ValueError, match="are to be at least"):
        gradient_features(RANDOM, bins=1)
    with pytest.raises(ValueError, match="2 pixels or more"):
        texture_features(RANDOM, wavelengths=(1,))
    with pytest.raises(ValueError, match="directions=0"):
        texture_features(RANDOM, directions=0)
    with pytest.raises(ValueError, match="grid=40 is to be 1 to 28"):
        texture_features(RANDOM, grid=40)
