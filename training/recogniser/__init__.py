"""Training of the recogniser for letters that PP-OCR's cannot read: hangul, Cyrillic, Greek, Hebrew, rarer Latin."""
