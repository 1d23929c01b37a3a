import pytest

from foleyline_training.models.diff_foley.names import (
    autoencoder_name,
    official_shape,
    unet_name,
)

UNET = {
    "conv_in.weight": "input_blocks.0.0.weight",
    "time_embedding.linear_2.bias": "time_embed.2.bias",
    "down_blocks.0.resnets.1.conv1.weight": "input_blocks.2.0.in_layers.2.weight",
    "down_blocks.1.resnets.0.conv_shortcut.bias": "input_blocks.4.0.skip_connection.bias",
    "down_blocks.1.attentions.1.proj_in.weight": "input_blocks.5.1.proj_in.weight",
    "down_blocks.2.downsamplers.0.conv.bias": "input_blocks.9.0.op.bias",
    "mid_block.resnets.1.norm2.weight": "middle_block.2.out_layers.0.weight",
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight": (
        "middle_block.1.transformer_blocks.0.attn2.to_k.weight"
    ),
    "up_blocks.0.upsamplers.0.conv.weight": "output_blocks.2.1.conv.weight",
    "up_blocks.1.upsamplers.0.conv.weight": "output_blocks.5.2.conv.weight",
    "up_blocks.3.resnets.2.time_emb_proj.weight": "output_blocks.11.0.emb_layers.1.weight",
    "up_blocks.3.attentions.2.norm.bias": "output_blocks.11.1.norm.bias",
    "conv_norm_out.weight": "out.0.weight",
    "conv_out.bias": "out.2.bias",
}
AUTOENCODER = {
    "encoder.conv_in.weight": "encoder.conv_in.weight",
    "encoder.down_blocks.1.resnets.0.conv_shortcut.weight": (
        "encoder.down.1.block.0.nin_shortcut.weight"
    ),
    "encoder.down_blocks.2.downsamplers.0.conv.bias": "encoder.down.2.downsample.conv.bias",
    "encoder.mid_block.resnets.0.norm1.bias": "encoder.mid.block_1.norm1.bias",
    "encoder.mid_block.attentions.0.to_out.0.weight": "encoder.mid.attn_1.proj_out.weight",
    "decoder.mid_block.attentions.0.group_norm.bias": "decoder.mid.attn_1.norm.bias",
    "decoder.up_blocks.0.resnets.2.conv2.weight": "decoder.up.3.block.2.conv2.weight",
    "decoder.up_blocks.2.upsamplers.0.conv.weight": "decoder.up.1.upsample.conv.weight",
    "decoder.conv_norm_out.bias": "decoder.norm_out.bias",
    "post_quant_conv.weight": "post_quant_conv.weight",
}


@pytest.mark.parametrize(("ours", "official"), UNET.items())
def test_unet(ours, official):
    assert unet_name(ours, blocks=2) == official


def test_blocks_of_a_level_are_counted():
    """The classifier has one block where the UNet has two."""
    ours = "down_blocks.2.attentions.0.proj_out.bias"
    assert unet_name(ours, blocks=1) == "input_blocks.5.1.proj_out.bias"
    assert unet_name("classifier.weight", blocks=1) == "classifier.weight"


@pytest.mark.parametrize(("ours", "official"), AUTOENCODER.items())
def test_autoencoder(ours, official):
    assert autoencoder_name(ours, levels=4) == official


@pytest.mark.parametrize("ours", ["up_blocks.0", "add_embedding.linear_1.weight", "x.weight"])
def test_a_name_it_does_not_know(ours):
    with pytest.raises(KeyError):
        unet_name(ours, blocks=2)
    with pytest.raises(KeyError):
        autoencoder_name(f"encoder.{ours}", levels=4)
    with pytest.raises(KeyError):
        autoencoder_name(ours, levels=4)


def test_only_the_autoencoders_attention_is_stored_as_convolutions():
    assert official_shape("decoder.mid.attn_1.q.weight", (8, 8)) == (8, 8, 1, 1)
    for name in ("decoder.mid.attn_1.q.bias", "decoder.mid.attn_1.norm.weight"):
        assert official_shape(name, (8,)) == (8,)
    assert official_shape("middle_block.1.transformer_blocks.0.attn1.to_q.weight", (8, 8)) == (8, 8)
