"""LatentDiffusionEditing with models of one layer, and with tiny ones of diffusers."""

import copy
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr._torch._diffusion import noise_variances
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer
from sklearn_anomaly_attr.counterfactuals._latent_diffusion import (
    LatentDiffusionEditing,
)


class Halves(nn.Module):
    """An autoencoder that averages squares of 2 x 2 pixels, and repeats them."""

    config = SimpleNamespace(
        in_channels=1, scaling_factor=2.0, shift_factor=0.5, block_out_channels=[2, 2]
    )

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def encode(self, images):
        latent = self.weight * nn.functional.avg_pool2d(images, 2)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latent))

    def decode(self, latent):
        images = nn.functional.interpolate(self.weight * latent, scale_factor=2.0)
        return SimpleNamespace(sample=images)


class Ideal(nn.Module):
    """The exact prediction where all latent images are alike: what the text says."""

    config = SimpleNamespace(block_out_channels=[2])

    def __init__(self, prediction):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.prediction = prediction

    def forward(self, latent, step, encoder_hidden_states=None):
        variance = noise_variances(100)[step + 1]
        kept, spread = (1.0 - variance).sqrt(), variance.sqrt()
        clean = 0 * latent
        if encoder_hidden_states is not None:
            clean = clean + encoder_hidden_states.mean(dim=(1, 2))[:, None, None, None]
        noise = (latent - kept * clean) / spread
        sample = {
            "epsilon": noise,
            "sample": clean,
            "v_prediction": kept * noise - spread * clean,
        }
        return SimpleNamespace(sample=self.weight * sample[self.prediction])


def a_pipeline(prediction="epsilon"):
    def encode_prompt(text, device, num_images, guidance):
        return torch.full((1, 2, 3), 0.1 * len(text)), None

    return SimpleNamespace(
        vae=Halves(),
        unet=Ideal(prediction),
        scheduler=SimpleNamespace(
            config=SimpleNamespace(prediction_type=prediction),
            alphas_cumprod=1.0 - noise_variances(100)[1:],
        ),
        encode_prompt=encode_prompt,
    )


def small_images(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 16)).clip(-2, 2)


def an_explainer(pipeline, detector=None, image_shape=(4, 4), **kwargs):
    method = LatentDiffusionEditing(
        pipeline, image_shape=image_shape, n_seeds=2, **kwargs
    )
    detector = GaussianMixtureDetector() if detector is None else detector
    return CounterfactualExplainer(detector, method=method, random_state=0)


def searched(explainer, rows):
    """What the method finds, whatever it is worth."""
    problem = explainer._problem(explainer._translated())
    return explainer.method_.search(problem, torch.tensor(rows))[:, 0].numpy()


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
def test_an_ideal_model_gives_the_image_of_the_text(prediction):
    X = small_images()
    explainer = an_explainer(a_pipeline(prediction), prompt="four", guidance=0.0).fit(X)
    # The text says .4; decoded: .4 / 2 + .5, of a half range around the middle.
    middle, half = (X.max() + X.min()) / 2, (X.max() - X.min()) / 2
    assert_allclose(searched(explainer, X[:3] + 1.0), middle + 0.7 * half)


def test_images_that_get_hardly_any_noise_come_back_through_the_autoencoder():
    X = small_images()
    blocks = np.kron(X[:3, :4].reshape(3, 2, 2), np.ones((2, 2))).reshape(3, 16)
    explainer = an_explainer(a_pipeline(), strength=0.01, guidance=0.0).fit(X)
    model = explainer.method_._model(explainer._problem(explainer._translated()))
    points = model.encode(torch.tensor(blocks))
    assert points.shape == (3, 4)
    assert_allclose(model.decode(points), blocks, atol=1e-12)


def test_guidance_lowers_the_scores_through_the_decoder():
    X = small_images()
    scores = []
    for guidance in (0.0, 1.0, 5.0):
        explainer = an_explainer(a_pipeline(), prompt="ab", guidance=guidance).fit(X)
        found = searched(explainer, X[:4] + 1.0)
        scores.append(explainer.estimator_.anomaly_score(found).mean())
    assert scores[0] > scores[1] > scores[2]


def test_the_mask_leaves_pixels_alone():
    X = small_images()
    x = X[:4] + 1.0
    pipeline = a_pipeline()
    pipeline.unet.register_forward_hook(_most_for_the_first_pixel)
    explainer = an_explainer(pipeline, prompt="text", mask=0.75, guidance=0.0).fit(X)
    changed = (searched(explainer, x) != x).reshape(4, 4, 4)
    assert changed[:, :2, :2].all()
    assert not changed[:, 2:].any()
    assert not changed[:, :, 2:].any()


def _most_for_the_first_pixel(module, inputs, output):
    """Let the text count for more in one latent pixel."""
    found = output.sample.clone()
    found[:, :, 0, 0] *= 3.0
    return SimpleNamespace(sample=found)


def test_the_model_and_the_results_stay_what_they_are():
    pipeline, X = a_pipeline(), small_images()
    before = copy.deepcopy(pipeline.unet.state_dict())
    explainer = an_explainer(pipeline, prompt="text").fit(X)
    first = searched(explainer, X[:5] + 1.0)
    assert_array_equal(searched(explainer, X[:5] + 1.0), first)
    for i in range(5):
        assert_allclose(searched(explainer, X[i : i + 1] + 1.0), first[[i]], atol=1e-9)
    assert pipeline.unet.weight.dtype == torch.float32
    assert_array_equal(pipeline.unet.state_dict()["weight"], before["weight"])


def test_other_channels_are_refused():
    with pytest.raises(ValueError, match="2 channels and the model 1"):
        an_explainer(a_pipeline(), image_shape=(2, 2, 4)).fit(small_images())


def test_a_mask_without_a_text_is_refused():
    with pytest.raises(ValueError, match="give prompt"):
        an_explainer(a_pipeline(), mask=0.5).fit(small_images())


def test_what_is_no_latent_pipeline_is_refused():
    with pytest.raises(TypeError, match="has no vae and no unet"):
        an_explainer(SimpleNamespace(scheduler=1)).fit(small_images())


def test_an_unknown_prediction_is_refused():
    with pytest.raises(ValueError, match="flow"):
        an_explainer(a_pipeline("flow")).fit(small_images())


def test_a_name_that_is_no_folder_is_not_downloaded():
    with pytest.raises(ValueError, match="no folder"):
        an_explainer("someone/a-model").fit(small_images())


def test_a_folder_needs_diffusers(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ImportError, match="install it"):
        an_explainer(str(tmp_path)).fit(small_images())


def test_a_folder_is_read_without_the_network(monkeypatch, tmp_path):
    calls = []

    class DiffusionPipeline:
        @staticmethod
        def from_pretrained(*args, **kwargs):
            calls.append((args, kwargs))
            return a_pipeline()

    diffusers = SimpleNamespace(DiffusionPipeline=DiffusionPipeline)
    monkeypatch.setitem(sys.modules, "diffusers", diffusers)
    an_explainer(str(tmp_path)).fit(small_images())
    assert calls == [((str(tmp_path),), {"local_files_only": True})]


@pytest.mark.parametrize("image_shape", [(1, 8, 8), (3, 6, 10)])
@pytest.mark.parametrize("prompt", [None, "a text"])
def test_with_a_tiny_model_of_diffusers(image_shape, prompt):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    blocks = {"block_out_channels": (8, 8), "norm_num_groups": 4}
    vae = diffusers.AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=2,
        down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, layers_per_block=1, **blocks,
    )  # fmt: skip
    common = {"in_channels": 2, "out_channels": 2, "layers_per_block": 1, **blocks}
    if prompt is None:
        unet = diffusers.UNet2DModel(
            down_block_types=["DownBlock2D"] * 2, up_block_types=["UpBlock2D"] * 2,
            **common,
        )  # fmt: skip
    else:
        unet = diffusers.UNet2DConditionModel(
            cross_attention_dim=3, attention_head_dim=4,
            down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
            up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"], **common,
        )  # fmt: skip
    pipeline = SimpleNamespace(
        vae=vae, unet=unet, scheduler=diffusers.DDIMScheduler(num_train_timesteps=20),
        encode_prompt=a_pipeline().encode_prompt,
    )  # fmt: skip
    X = np.random.default_rng(0).normal(size=(30, np.prod(image_shape)))
    mask = None if prompt is None else 0.5
    explainer = an_explainer(
        pipeline, image_shape=image_shape, prompt=prompt, mask=mask,
        n_denoising_steps=4,
    ).fit(X)  # fmt: skip
    found = searched(explainer, X[:3] + 1.0)
    assert found.shape == (3, X.shape[1])
    assert np.isfinite(found).all()
    assert_allclose(searched(explainer, X[1:2] + 1.0), found[[1]], atol=1e-9)
