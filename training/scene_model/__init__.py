"""The next embedded model: it renders scenes, in eight procedural styles.

When its networks are trained, `training.embedded_model` goes, and what both share moves here.
"""
