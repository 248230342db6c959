"""From a theory and a mesh to a variational problem: functional, residual, second variation, tangent space."""
