"""The one loop: asks sources, keeps ages, calls the analysis, publishes snapshots."""
