"""Batch normalisation over processes, with one process; `test_launch` starts two."""

import torch
from torch import nn

from ffhq_wrinkle.segmentation.training.processes import SyncedBatchNorm2d


def test_synced_batch_norm_of_one_process_is_pytorch_s():
    torch.manual_seed(0)
    plain, synced = nn.BatchNorm2d(3), SyncedBatchNorm2d(3)
    for norm in (plain, synced):
        norm.weight.data.copy_(torch.tensor([1.0, 2.0, 0.5]))
    x = torch.randn(4, 3, 5, 6)
    torch.testing.assert_close(synced(x), plain(x), atol=1e-5, rtol=1e-5)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(synced, name), getattr(plain, name))
    torch.testing.assert_close(synced.eval()(x), plain.eval()(x))
    half = x.bfloat16()
    torch.testing.assert_close(synced.train()(half), plain.train()(half), atol=0.02, rtol=0.02)
    torch.testing.assert_close(synced.running_var, plain.running_var)
