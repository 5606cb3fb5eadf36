"""What one arithmetic operation costs in transistors: number formats, circuits that compute, programs over them."""
