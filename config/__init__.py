"""The defaults of all settings, as YAML. This is a package so that they are installed with the code."""
