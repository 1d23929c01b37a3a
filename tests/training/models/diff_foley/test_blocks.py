import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.upsampling import Upsample2D
from torch import nn

from foleyline_training.models.diff_foley.blocks import PlainAttention, replace_upsamplers


def test_plain_attention_is_diffusers_attention():
    attention = Attention(query_dim=24, cross_attention_dim=10, heads=4, dim_head=6)
    x, seen = torch.randn(2, 7, 24), torch.randn(2, 5, 10)
    theirs = attention(x, encoder_hidden_states=seen)
    attention.set_processor(PlainAttention())
    torch.testing.assert_close(attention(x, encoder_hidden_states=seen), theirs)


def test_plain_self_attention():
    attention = Attention(query_dim=24, heads=4, dim_head=6)
    x = torch.randn(2, 7, 24)
    theirs = attention(x)
    attention.set_processor(PlainAttention())
    torch.testing.assert_close(attention(x), theirs)


def test_upsamplers_keep_names_and_results():
    block, last = nn.Module(), nn.Module()
    block.upsamplers = nn.ModuleList([Upsample2D(4, use_conv=True)])
    last.upsamplers = None
    x, theirs, names = torch.randn(1, 4, 3, 5), block.upsamplers[0], list(block.state_dict())
    replace_upsamplers(nn.ModuleList([block, last]))
    assert block.upsamplers[0] is not theirs
    assert list(block.state_dict()) == names
    torch.testing.assert_close(block.upsamplers[0](x), theirs(x))
