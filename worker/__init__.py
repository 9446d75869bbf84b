"""The worker: takes jobs from the queue and draws them on the GPU. Does not import Flask."""

import os

# transformers advises torchvision for image processors that SDXL's pipelines import and never use.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
