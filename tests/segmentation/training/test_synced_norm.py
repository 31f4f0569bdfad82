"""Synced norm: batch normalisation over all processes."""

import torch
from torch import nn

from ffhq_wrinkle.segmentation.training.synced_norm import SyncedBatchNorm2d


def test_a_batch_norm_that_is_shared_is_pytorch_s_for_one_process():
    torch.manual_seed(0)
    plain, shared = nn.BatchNorm2d(3), SyncedBatchNorm2d(3)
    for norm in (plain, shared):
        norm.weight.data.copy_(torch.tensor([1.0, 2.0, 0.5]))
    x = torch.randn(4, 3, 5, 6)
    torch.testing.assert_close(shared(x), plain(x), atol=1e-5, rtol=1e-5)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(shared, name), getattr(plain, name))
    torch.testing.assert_close(shared.eval()(x), plain.eval()(x))
    half = x.bfloat16()
    torch.testing.assert_close(shared.train()(half), plain.train()(half), atol=0.02, rtol=0.02)
    torch.testing.assert_close(shared.running_var, plain.running_var)
