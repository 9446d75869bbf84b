"""The next embedded model: it renders scenes, in eight procedural styles."""
