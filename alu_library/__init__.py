"""What one arithmetic operation costs, in transistors: number formats, circuits that compute, and programs over them."""
