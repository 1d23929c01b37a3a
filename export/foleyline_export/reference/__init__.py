"""Are our networks the official ones? Agreed weights, recorded outputs, and the comparison."""
