"""The defaults of all settings, as YAML. A package, so that they are installed with the code."""
