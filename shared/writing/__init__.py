"""Words: their writing, their meanings, and the motifs that depict them."""
