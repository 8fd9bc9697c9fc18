"""Parts of a view, each drawn from one part of the snapshot."""
