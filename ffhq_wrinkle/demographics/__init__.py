"""Demographics: who is in a set of faces, by labels that others or a model assigned."""
