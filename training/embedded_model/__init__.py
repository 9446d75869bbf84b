"""Make the embedded checkpoint: scenes in eight procedural styles, a VAE, text encoders, UNet, Union ControlNet."""
