"""The GPU side: takes jobs from the queue and draws them. Knows no flask."""

import os

# transformers advises torchvision for image processors that SDXL's pipelines import and never use.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
