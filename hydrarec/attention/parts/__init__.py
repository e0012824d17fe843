"""What operators are made of: sums over the past, with and without decay, and the kernels of Hydra."""
