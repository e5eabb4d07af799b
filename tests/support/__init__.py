"""What several test files use: servers, faults, virtual time, other people's servers."""
