"""What the benchmarks share: result files and the developers' data."""
