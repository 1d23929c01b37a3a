"""What the released files call a weight, for the networks that diffusers names differently.

Pure functions from our name to the official one. Every one of our names has exactly one, so
the other direction is a table made from a network's own names (layout.py).

Source: the names of CompVis' latent-diffusion, which Diff-Foley keeps.
"""

from __future__ import annotations

import re

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "classifier": "classifier",
}
_UNET_MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}
_VAE_MIDDLE = {"resnets.0": "block_1", "attentions.0": "attn_1", "resnets.1": "block_2"}
_VAE_ATTENTION = {
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
_VAE_RESNET = {
    "norm1": "norm1",
    "conv1": "conv1",
    "norm2": "norm2",
    "conv2": "conv2",
    "conv_shortcut": "nin_shortcut",
}
_VAE_ENDS = {"conv_norm_out": "norm_out", "conv_in": "conv_in", "conv_out": "conv_out"}


def unet_name(ours: str, blocks: int) -> str:
    """Official name of a weight of the UNet, or of the classifier's half of one.

    Args:
        ours: diffusers' name, with its ``.weight`` or ``.bias``.
        blocks: residual blocks of a downward level.

    Raises:
        KeyError: there is no such weight.
    """
    stem, _, kind = ours.rpartition(".")
    if stem in _UNET_ENDS:
        return f"{_UNET_ENDS[stem]}.{kind}"
    if match := re.fullmatch(r"mid_block\.((?:resnets|attentions)\.\d)\.(.+)", stem):
        part, rest = match.groups()
        return f"middle_block.{_UNET_MIDDLE[part]}.{_inside(part, rest)}.{kind}"
    match = re.fullmatch(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", stem)
    if match is None:
        raise KeyError(ours)
    way, level, part, index, rest = match.groups()
    # Each level is a run of blocks + 1 places: going down, the last is the halving; going up,
    # the doubling shares the last one with a residual block and perhaps its attention.
    first = int(level) * (blocks + 1)
    if part == "downsamplers":
        return f"input_blocks.{first + blocks + 1}.0.op.{kind}"
    if part == "upsamplers":
        after = 1 if level == "0" else 2
        return f"output_blocks.{first + blocks}.{after}.conv.{kind}"
    place = f"input_blocks.{1 + first + int(index)}"
    if way == "up":
        place = f"output_blocks.{first + int(index)}"
    return f"{place}.{0 if part == 'resnets' else 1}.{_inside(part, rest)}.{kind}"


def _inside(part: str, rest: str) -> str:
    """Inside a residual block names differ, inside attention they do not."""
    return _RESNET[rest] if part.startswith("resnets") else rest


def autoencoder_name(ours: str, levels: int) -> str:
    """Official name of a weight of the autoencoder.

    Args:
        ours: diffusers' name, with its ``.weight`` or ``.bias``.
        levels: resolutions; the official names count those of the decoder from the end.

    Raises:
        KeyError: there is no such weight.
    """
    stem, _, kind = ours.rpartition(".")
    half, _, rest = stem.partition(".")
    if stem in ("quant_conv", "post_quant_conv"):
        return ours
    if half not in ("encoder", "decoder"):
        raise KeyError(ours)
    if rest in _VAE_ENDS:
        return f"{half}.{_VAE_ENDS[rest]}.{kind}"
    if match := re.fullmatch(r"mid_block\.((?:resnets|attentions)\.\d)\.(.+)", rest):
        part, inner = match.groups()
        inner = _VAE_ATTENTION[inner] if part == "attentions.0" else _VAE_RESNET[inner]
        return f"{half}.mid.{_VAE_MIDDLE[part]}.{inner}.{kind}"
    if match := re.fullmatch(r"(down|up)_blocks\.(\d+)\.resnets\.(\d+)\.(.+)", rest):
        way, level, index, inner = match.groups()
        place = f"{half}.{way}.{_level(way, level, levels)}.block.{index}"
        return f"{place}.{_VAE_RESNET[inner]}.{kind}"
    if match := re.fullmatch(r"(down|up)_blocks\.(\d+)\.(down|up)samplers\.0\.conv", rest):
        way, level, _ = match.groups()
        return f"{half}.{way}.{_level(way, level, levels)}.{way}sample.conv.{kind}"
    raise KeyError(ours)


def _level(way: str, level: str, levels: int) -> int:
    return int(level) if way == "down" else levels - 1 - int(level)


def official_shape(official: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape a released file stores a weight in, given ours.

    The autoencoder's attention is linear layers here and 1x1 convolutions there.
    """
    if re.search(r"\.mid\.attn_1\.(q|k|v|proj_out)\.weight$", official):
        return (*shape, 1, 1)
    return shape
