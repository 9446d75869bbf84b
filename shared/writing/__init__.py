"""Words as they are written: their normal form, their grapheme clusters, what the operator does not want drawn."""
