"""What `tools/bench` and `tools/compare-peers` share: servers, the load generator, figures, tables. Standard library only."""
