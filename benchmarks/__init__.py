"""What is timed, and how: `python -m benchmarks` on a machine that does nothing else."""
