"""Pure functions: observations in, figures, alerts and the verdict out. Time is an argument."""
