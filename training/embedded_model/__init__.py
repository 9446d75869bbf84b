"""Make the embedded checkpoint from nothing: procedural pictures, a VAE, text encoders, UNet and Union ControlNet."""
