"""Demographics: age, sex and race/ethnicity in sets of faces, from published labels or a model."""
